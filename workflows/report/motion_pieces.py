"""MotionPieces: pieces of windows freed of place and size, so that motions can be compared."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from posebeam.transforms.layout import CHANNELS

_FAR = 5.0  # torso lengths from the origin: a joint beyond was placed by a torso that was not seen well
_LEAST = 0.6  # of the joints of a piece that must be seen in both of two

Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Pieces:
    """n pieces of t frames: xy [n, t, 13, 2] about their joints' middle, in units of the root mean square distance
    from it, 0 where nothing was seen; seen [n, t, 13]; motion [n], root mean square way of joints from their mean
    places."""

    xy: Floats
    seen: Mask
    motion: Floats

    @property
    def flat(self) -> Floats:
        """[n, 26 t]"""
        return self.xy.reshape(len(self.xy), -1)

    @property
    def joints(self) -> int:
        """Of all frames of a piece."""
        return self.seen.shape[1] * self.seen.shape[2]

    def take(self, rows: NDArray[np.int64]) -> "Pieces":
        """Some of them."""
        return Pieces(self.xy[rows], self.seen[rows], self.motion[rows])

    def distance(self, other: "Pieces") -> Floats:
        """[n] root mean square distances of the joints that were seen in both; infinite if they are too few."""
        both = self.seen & other.seen
        squares = (((self.xy - other.xy) ** 2).sum(-1) * both).sum((1, 2))
        enough = both.mean((1, 2)) >= _LEAST
        return np.where(enough, np.sqrt(squares / np.maximum(both.sum((1, 2)), 1)), np.inf)


def pieces_of(xy: Floats, seen: Mask) -> Pieces:
    """xy [n, t, 13, 2] in torso lengths and seen [n, t, 13], brought to one place and size."""
    seen = seen & (np.abs(xy).max(-1) < _FAR)
    counts, held = np.maximum(seen.sum((1, 2)), 1)[:, None, None, None], seen[..., None]
    xy = xy * held
    moved = (xy - xy.sum((1, 2), keepdims=True) / counts) * held
    size = np.sqrt((moved**2).sum((1, 2, 3), keepdims=True) / counts)
    moved = moved / np.maximum(size, 1e-6)
    mean = moved.sum(1, keepdims=True) / np.maximum(held.sum(1, keepdims=True), 1)
    motion = np.sqrt((((moved - mean) * held) ** 2).sum((1, 2, 3)) / counts[:, 0, 0, 0])
    return Pieces(moved.astype(np.float32), seen, motion.astype(np.float32))


def key_pieces(x: Floats, valid: Mask) -> Pieces:
    """The middle half of each window x [n, T, 52], valid [n, T, 13]."""
    length = piece_length(x.shape[1])
    first = (x.shape[1] - length) // 2
    return pieces_of(_places(x)[:, first : first + length], valid[:, first : first + length])


def shifted_pieces(x: Floats, valid: Mask) -> tuple[Pieces, NDArray[np.int64]]:
    """Every piece of that length of each window, and whose it is, [pieces]."""
    length = piece_length(x.shape[1])
    starts = range(x.shape[1] - length + 1)
    xy = np.concatenate([_places(x)[:, at : at + length] for at in starts])
    seen = np.concatenate([valid[:, at : at + length] for at in starts])
    return pieces_of(xy, seen), np.tile(np.arange(len(x)), len(starts))


def piece_length(window: int) -> int:
    """Frames of a piece: with windows at half their length as stride, every frame begins one."""
    return window // 2 + 1


def _places(x: Floats) -> Floats:
    return x.reshape(*x.shape[:2], 13, CHANNELS)[..., :2]
