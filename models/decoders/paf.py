"""OpenPose's decoder for several people: peaks joined to limbs along part affinity fields, limbs to people."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from posebeam.models.networks.openpose_thin import HEATS
from posebeam.transforms.skeleton import skeleton

Array = NDArray[np.float32]
Indices = NDArray[np.intp]

SKELETON = skeleton("openpose19")
PARTS = len(SKELETON) - 1  # all maps but the background
# The limbs in the order of their fields; a field points from the first joint to the second.
LIMBS = (
    ("neck", "right_hip"), ("right_hip", "right_knee"), ("right_knee", "right_ankle"),
    ("neck", "left_hip"), ("left_hip", "left_knee"), ("left_knee", "left_ankle"),
    ("neck", "right_shoulder"), ("right_shoulder", "right_elbow"), ("right_elbow", "right_wrist"),
    ("right_shoulder", "right_ear"),
    ("neck", "left_shoulder"), ("left_shoulder", "left_elbow"), ("left_elbow", "left_wrist"),
    ("left_shoulder", "left_ear"),
    ("neck", "nose"), ("nose", "right_eye"), ("nose", "left_eye"),
    ("right_eye", "right_ear"), ("left_eye", "left_ear"),
)  # fmt: skip
FROM, TO = (np.array(SKELETON.indices(ends)) for ends in zip(*LIMBS, strict=True))
# The others already make a tree: these join only what is left apart.
SPARE = np.array([{end.split("_")[-1] for end in limb} == {"shoulder", "ear"} for limb in LIMBS])
_AROUND = [(dy, dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)]


@dataclass(frozen=True)
class Peaks:
    """Where joints may be: joint [N], xy [N, 2] in cells from the middle of the first, score [N]."""

    joint: Indices
    xy: Array
    score: Array


@dataclass(frozen=True)
class Links:
    """Limbs that may be, surest first: limb [M], the peaks at its ends start [M] and end [M], score [M]."""

    limb: Indices
    start: Indices
    end: Indices
    score: Array


@dataclass(frozen=True)
class Paf:
    """Several people a picture.

    least    heat of a peak
    most     peaks a map, the highest
    samples  points of a limb at which its field is looked at
    along    share of them at which the field must reach `field` in the limb's direction
    joints   a person has at least
    sure     least mean over a person's joints of their scores and their limbs' scores

    Source: Cao et al., arXiv 1611.08050 (section 2.3 and 2.4, equations 10 and 11) and arXiv 1812.08008; numbers
    as in the authors' demonstration. Instead of enlarged maps, cells with a peak fitted between them; the network
    is shown BGR, as it was trained by its authors (github.com/ildoonet/tf-pose-estimation).
    """

    least: float = 0.05
    most: int = 40
    samples: int = 10
    field: float = 0.05
    along: float = 0.8
    joints: int = 4
    sure: float = 0.4

    several = True
    colour = "bgr"

    def __call__(self, maps: Tensor) -> Tensor:
        """The maps [B, 57, h, w] themselves: what follows is small and irregular."""
        return maps

    def people(self, maps: Array, min_score: float) -> tuple[Array, Array]:
        """One picture's maps [57, h, w] to xy [P, 19, 2] in fractions and score [P, 19], the surest first.

        A joint that was not found, as the background never is, is at (0, 0) with score 0. Everybody has a joint
        that reaches min_score.
        """
        peaks = find_peaks(maps[:PARTS], self.least, self.most)
        links = self._links(maps[HEATS:], peaks)
        found = []
        for members, limbs in group(links, peaks.joint):
            score = np.zeros(len(SKELETON), np.float32)
            score[peaks.joint[members]] = np.minimum(peaks.score[members], 1)
            total = peaks.score[members].sum() + limbs
            if len(members) >= self.joints and total >= self.sure * len(members) and score.max() >= min_score:
                xy = np.zeros((len(SKELETON), 2), np.float32)
                xy[peaks.joint[members]] = (peaks.xy[members] + 0.5) / maps.shape[:0:-1]
                found.append((total, xy, score))
        found.sort(key=lambda each: -each[0])
        P, K = len(found), len(SKELETON)
        xy, score = (np.array([each[i] for each in found], np.float32) for i in (1, 2))
        return xy.reshape(P, K, 2), score.reshape(P, K)

    def _links(self, fields: Array, peaks: Peaks) -> Links:
        """Pairs of peaks that fields [38, h, w] support: the mean of the field along the straight line."""
        ends = (peaks.joint == FROM[:, None])[:, :, None] & (peaks.joint == TO[:, None])[:, None]  # [19, N, N]
        limb, start, end = np.nonzero(ends)
        way = peaks.xy[end] - peaks.xy[start]
        length = np.maximum(np.linalg.norm(way, axis=1), 1e-6)
        steps = np.linspace(0, 1, self.samples, dtype=np.float32)[:, None]
        points = peaks.xy[start, None] + way[:, None] * steps  # [M, samples, 2]
        there = sample(fields.reshape(len(LIMBS), 2, *fields.shape[1:]), limb, points)
        along = (there * (way / length[:, None])[:, None]).sum(-1)  # [M, samples]
        # Limbs of more than half the picture's height are doubtful.
        score = along.mean(1) + np.minimum(0.5 * fields.shape[1] / length - 1, 0)
        kept = ((along > self.field).mean(1) >= self.along) & (score > 0)
        order = np.flatnonzero(kept)[np.lexsort((-score[kept], SPARE[limb[kept]]))]
        return Links(limb[order], start[order], end[order], score[order].astype(np.float32))


def find_peaks(heats: Array, least: float, most: int) -> Peaks:
    """Cells of maps [K, h, w] above `least` and their eight neighbours, moved to where the top lies between them.

    At most `most` a map, the highest.
    """
    K, h, w = heats.shape
    joint, row, column = np.nonzero(heats > least)
    padded = np.full((K, h + 2, w + 2), -np.inf, np.float32)
    padded[:, 1:-1, 1:-1] = heats
    around = np.stack([padded[joint, row + 1 + dy, column + 1 + dx] for dy, dx in _AROUND], 1)  # [N, 9]
    # Of equal neighbours the first is the peak.
    score = around[:, 4]
    top = (around[:, :4] < score[:, None]).all(1) & (around[:, 5:] <= score[:, None]).all(1)
    tops = np.flatnonzero(top)
    tops = tops[np.lexsort((-score[tops], joint[tops]))]
    rank = np.arange(len(tops)) - np.searchsorted(joint[tops], joint[tops])  # 0 is a map's highest
    tops = tops[rank < most]
    logs = np.log(np.maximum(around[tops], 1e-3))
    shift = np.stack((between(logs[:, 3:6]), between(logs[:, 1::3])), 1)
    return Peaks(joint[tops], np.stack((column[tops], row[tops]), 1).astype(np.float32) + shift, score[tops])


def between(logs: Array) -> Array:
    """How far [N] from the middle of three cells the top of a Gaussian lies, given the logarithms [N, 3]."""
    before, middle, after = logs.T
    curve = 2 * middle - before - after
    shift = np.divide(after - before, 2 * curve, out=np.zeros_like(curve), where=curve > 0)
    return np.asarray(np.clip(shift, -0.5, 0.5), np.float32)


def sample(fields: Array, limb: Indices, points: Array) -> Array:
    """Fields [19, 2, h, w] of limbs [M] at points [M, s, 2] in cells, bilinear, as [M, s, 2]."""
    h, w = fields.shape[2:]
    x, y = np.clip(points[..., 0], 0, w - 1), np.clip(points[..., 1], 0, h - 1)
    left, top = np.minimum(x.astype(np.intp), w - 2), np.minimum(y.astype(np.intp), h - 2)
    right, low = (x - left)[..., None], (y - top)[..., None]
    at = fields.transpose(0, 2, 3, 1)
    which = limb[:, None]
    upper = at[which, top, left] * (1 - right) + at[which, top, left + 1] * right
    lower = at[which, top + 1, left] * (1 - right) + at[which, top + 1, left + 1] * right
    return np.asarray(upper * (1 - low) + lower * low, np.float32)


def group(links: Links, joint: Indices) -> list[tuple[list[int], float]]:
    """People as lists of peaks, at most one a joint, each with the sum of its limbs' scores.

    The surest limb comes first; a limb that would give somebody a joint twice is dropped.
    """
    owner: dict[int, int] = {}
    people: dict[int, tuple[list[int], float]] = {}
    for start, end, score in zip(links.start.tolist(), links.end.tolist(), links.score.tolist(), strict=True):
        a, b = owner.get(start, -1 - start), owner.get(end, -1 - end)
        if a == b:
            continue
        ours, theirs = people.get(a, ([start], 0.0)), people.get(b, ([end], 0.0))
        if {*joint[ours[0]].tolist()} & {*joint[theirs[0]].tolist()}:
            continue
        people.pop(a, None), people.pop(b, None)
        number = max(a, start)
        people[number] = ([*ours[0], *theirs[0]], ours[1] + theirs[1] + score)
        owner |= dict.fromkeys(people[number][0], number)
    return list(people.values())


paf = Paf()
