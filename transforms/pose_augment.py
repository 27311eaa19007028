"""PoseAugmentation: how training turns, zooms, mirrors and halves the people that it shows to a top-down network.

What is drawn and what comes of it are apart: a Change is drawn from a generator alone, the same numbers for the
same stream whoever the person is, and `shown` is geometry without chance.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from posebeam.transforms.errors import ConfigError
from posebeam.transforms.framing import Array, Framing, Pieces, inverse, through
from posebeam.transforms.skeleton import Skeleton

UPPER = 0.6914624612740131  # published as a normal number below 0.5
HALF_MARGIN = 1.5  # how much more than a half is shown
_MOST = 2  # a turn is at most so many times `rotation`
_ENOUGH = 3  # joints that make a half
_LEGS = ("hip", "knee", "ankle")  # the lower half; all other joints are the upper one


@dataclass(frozen=True)
class Change:
    """What happens to one person.

    zoom    the piece is so many times as wide and high
    turn    degrees that the piece is turned clockwise, so that the person is turned the other way
    half    "", or "upper" or "lower" where enough joints are labelled
    """

    zoom: float = 1.0
    turn: float = 0.0
    mirror: bool = False
    half: str = ""


@dataclass(frozen=True)
class PoseAugmentation:
    """The chances of a Change. The defaults are HRNet's, TransPose's and BTranspose's.

    flip             chance to be mirrored
    rotation         degrees, the deviation of the turn, which is at most twice that; rotation_chance: that there
                     is one
    scale            the deviation of the zoom from 1, and the most that it is away from it
    half_body        chance that a half is shown of who has more than half_body_over labelled joints

    Source: JointsDataset of github.com/microsoft/human-pose-estimation.pytorch,
    leoxiaobin/deep-high-resolution-net.pytorch, yangsenius/TransPose and mlpc-ucsd/PRTR.
    """

    flip: float = 0.5
    rotation: float = 45.0
    rotation_chance: float = 0.6
    scale: float = 0.35
    half_body: float = 0.3
    half_body_over: int = 8

    def __post_init__(self) -> None:
        chances = (self.flip, self.rotation_chance, self.half_body)
        if not (min(chances) >= 0 and max(chances) <= 1 and 0 <= self.rotation <= 90 and 0 <= self.scale < 1):
            raise ConfigError(
                f"{self}: expected chances of 0 to 1, a rotation of 0 to 90 degrees and a scale of 0 up to 1"
            )

    def draw(self, rng: np.random.Generator, labelled: int) -> Change:
        """The change of a person with so many labelled joints; six numbers of the stream, whoever it is."""
        halved, upper, turned, mirror = rng.random(4)
        zoom, turn = rng.standard_normal(2)
        half = "upper" if upper < UPPER else "lower"
        return Change(
            zoom=1 + float(np.clip(zoom * self.scale, -self.scale, self.scale)),
            turn=self.rotation * float(np.clip(turn, -_MOST, _MOST)) if turned < self.rotation_chance else 0.0,
            mirror=bool(mirror < self.flip),
            half=half if labelled > self.half_body_over and halved < self.half_body else "",
        )


# SimpleBaseline's and the two-stage PRTR's: smaller turns and zooms, and never half a body.
MILD = PoseAugmentation(rotation=40.0, scale=0.3, half_body=0.0)
NO_AUGMENTATION = PoseAugmentation(flip=0.0, rotation=0.0, rotation_chance=0.0, scale=0.0, half_body=0.0)


@dataclass(frozen=True, eq=False)
class Shown:
    """People as a network sees them.

    to_source  [P, 2, 3] from points (x, y) of the input to points of the picture
    joints     [P, K, 2] in pixels of the input, (0, 0) where not visible; visible [P, K]
    Of a mirrored person they are those of the side that it shows. 0 is the middle of the first pixel.
    """

    to_source: Array
    joints: Array
    visible: Array


def shown(
    changes: Sequence[Change], pieces: Pieces, joints: Array, visible: Array, widths: NDArray[np.integer],
    framing: Framing, size: tuple[int, int], skeleton: Skeleton,
) -> Shown:  # fmt: skip
    """People in an input of size (h, w), each after its change.

    Their pieces [P], joints [P, K, 2] and visible [P, K] lie in pictures that are widths [P] pixels wide.
    """
    pieces = _halved(changes, pieces, joints, visible, framing, size, skeleton)
    zoom, turn = (np.array([getattr(each, name) for each in changes], np.float64) for name in ("zoom", "turn"))
    mirror = np.array([each.mirror for each in changes], bool)
    last = (widths - 1).astype(np.float64)
    centre = pieces.centre.copy()
    centre[mirror, 0] = last[mirror] - centre[mirror, 0]
    to_source = framing.to_source(Pieces(centre, pieces.extent * zoom[:, None]), size, turn)
    to_source[mirror, 0] *= -1  # from the mirror image, in which the piece is turned, to the picture
    to_source[mirror, 0, 2] += last[mirror]
    xy = through(joints, inverse(to_source))
    sides = np.where(mirror[:, None], skeleton.mirror, np.arange(len(skeleton)))  # [P, K]
    seen = np.take_along_axis(visible, sides, 1)
    xy = np.where(seen[..., None] > 0, np.take_along_axis(xy, sides[..., None], 1), 0.0)
    return Shown(to_source, xy, seen)


def half_piece(
    half: str, joints: Array, visible: Array, framing: Framing, size: tuple[int, int], skeleton: Skeleton
) -> Pieces | None:
    """The piece [1] around the mean of one half of one person's joints [K, 2], visible [K].

    The other half if that one has too few joints, and None if there are too few altogether. As published: one of
    both that has fewer than three gives way, the lower one even to an upper one of two.
    """
    legs = np.array([joint.endswith(_LEGS) for joint in skeleton.joints])
    upper, lower = (joints[(visible > 0) & part] for part in (~legs, legs))
    chosen = upper if (half == "upper" and len(upper) >= _ENOUGH) or len(lower) < _ENOUGH else lower
    if len(chosen) < _ENOUGH - 1:
        return None
    low, high = chosen.min(0), chosen.max(0)
    around = np.concatenate((low, high - low + framing.less))[None]
    extent = framing.pieces(around, size, HALF_MARGIN).extent
    return Pieces(chosen.mean(0)[None], extent)


def _halved(
    changes: Sequence[Change], pieces: Pieces, joints: Array, visible: Array,
    framing: Framing, size: tuple[int, int], skeleton: Skeleton,
) -> Pieces:  # fmt: skip
    """The pieces, those of halves in the place of those of people who are halved."""
    centre, extent = pieces.centre.copy(), pieces.extent.copy()
    for place, change in enumerate(changes):
        half = change.half and half_piece(change.half, joints[place], visible[place], framing, size, skeleton)
        if half:
            centre[place], extent[place] = half.centre[0], half.extent[0]
    return Pieces(centre, extent)
