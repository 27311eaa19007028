"""NearClips: clips on both sides of a split in which people move almost alike: copies that no group tells of."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from posebeam.pipelines.read import WindowReader
from posebeam.pipelines.row_group import Ints
from posebeam.workflows.report.motion_pieces import key_pieces, shifted_pieces
from posebeam.workflows.report.place import Place

# Of ten videos that were encoded again at 0.6 of their size, with or without their first 7 frames, 5 are found at
# these (in 4 of the others people hardly move), and no other pair. In 325 clips of UCF101's first ten classes one
# is: BenchPress g07_c04 (test in split 1) and g22_c07 (training), which do show one man in one gym.
NEAR = 0.12  # root mean square distance of joints, in parts of the person's size
NEARER_THAN_MOTION = 0.7  # and of how far the joints go: who stands still looks like everybody who does
MOST = 20_000  # windows of a part that are looked at, evenly drawn
_NEIGHBOURS, _DIRECTIONS, _CHUNK = 5, 16, 500
_SLACK = 1.5  # joints that one of two does not show keep them apart in a tree, not in their distance
_PARTS = ("test", "validation", "train")


@dataclass(frozen=True)
class NearClip:
    """Two clips of a class: distance and motion (in parts of the person's size) of their nearest windows, a and b,
    and how many windows of a's clip are near one of b's."""

    label: str
    parts: tuple[str, str]
    a: Place
    b: Place
    distance: float
    motion: float
    windows: int


@dataclass(frozen=True)
class NearClips:
    """All that were found, the nearest first, and how many windows were held against how many."""

    found: tuple[NearClip, ...]
    asked: int
    held: int

    def as_dict(self) -> dict[str, Any]:
        """For --json."""
        return asdict(self)


def near_clips(reader: WindowReader) -> NearClips:
    """Test windows against those of the other parts, validation windows against training's, within each class.

    Clips of one group are not compared: posebeam check looks at groups. A piece of half a window is held at each
    place of it, so that a copy is found whichever frame it begins with. Each is compared with its 5 nearest
    neighbours in the 16 main directions of its class's pieces, found by a k-d tree: n log n for n windows, of
    which at most 20,000 a part are looked at. Mirrored copies, and those played faster, are not found.
    """
    parts, rng = reader.parts(), np.random.default_rng(0)
    rows = {part: _drawn(np.flatnonzero(parts == part), rng) for part in _PARTS}
    found: dict[tuple[str, str], list[NearClip]] = {}
    for part, others in (("test", ("train", "validation")), ("validation", ("train",))):
        theirs = np.concatenate([rows[other] for other in others])
        for label in np.unique(reader.labels[rows[part]]).tolist():
            asked, held = (own[reader.labels[own] == label] for own in (rows[part], theirs))
            for pair in _pairs(reader, asked, held, parts) if len(held) else ():
                found.setdefault((pair.a.clip_id, pair.b.clip_id), []).append(pair)
    nearest = [_of_clips(pairs) for pairs in found.values()]
    asked_count = len(rows["test"]) + len(rows["validation"])
    return NearClips(
        tuple(sorted(nearest, key=lambda pair: pair.distance / pair.motion)),
        asked_count,
        sum(map(len, rows.values())),
    )


def _drawn(rows: Ints, rng: np.random.Generator) -> Ints:
    return rows if len(rows) <= MOST else np.sort(rng.choice(rows, MOST, replace=False))


def _of_clips(pairs: list[NearClip]) -> NearClip:
    """One line for two clips: their nearest windows."""
    nearest = min(pairs, key=lambda pair: pair.distance / pair.motion)
    return NearClip(**{**vars(nearest), "windows": len(pairs)})


def _pairs(reader: WindowReader, asked: Ints, held: Ints, parts: NDArray[np.object_]) -> Iterator[NearClip]:
    """The windows of `asked` that have one of `held` near them, each with its nearest."""
    keys = key_pieces(*reader.take(held))
    directions = _main_directions(keys.flat)
    tree = cKDTree(keys.flat @ directions)
    for first in range(0, len(asked), _CHUNK):
        own = asked[first : first + _CHUNK]
        pieces, row_of = shifted_pieces(*reader.take(own))
        piece, key = _candidates(tree, pieces.flat @ directions, keys.joints)
        a, b = own[row_of[piece]], held[key]
        distance = pieces.take(piece).distance(keys.take(key))
        motion = np.minimum(pieces.motion[piece], keys.motion[key])
        near = (
            (distance < NEAR) & (distance < NEARER_THAN_MOTION * motion) & (reader.groups[a] != reader.groups[b])
        )
        for row in np.unique(a[near]).tolist():
            best = np.flatnonzero(near & (a == row))
            best = best[(distance[best] / motion[best]).argmin()]
            yield NearClip(
                reader.classes[reader.labels[row]],
                (str(parts[row]), str(parts[b[best]])),
                Place.of(reader, row),
                Place.of(reader, int(b[best])),
                distance=float(distance[best]),
                motion=float(motion[best]),
                windows=1,
            )


def _candidates(tree: cKDTree, points: NDArray[np.float32], joints: int) -> tuple[Ints, Ints]:
    """Pieces and keys [m] that may be near: no further apart, in the main directions, than near ones may be."""
    far = _SLACK * NEAR * np.sqrt(joints)
    reach, key = tree.query(points, min(_NEIGHBOURS, tree.n), distance_upper_bound=far)
    piece, column = np.nonzero(np.isfinite(np.reshape(reach, (len(points), -1))))
    return piece, np.reshape(key, (len(points), -1))[piece, column]


def _main_directions(flat: NDArray[np.float32]) -> NDArray[np.float32]:
    """[d, up to 16]: directions in which pieces [n, d] differ most. Lengths along them are never too long."""
    _, vectors = np.linalg.eigh(flat.T @ flat)
    return np.ascontiguousarray(vectors[:, -_DIRECTIONS:])
