"""OpenPose's decoder for several people: peaks joined to limbs along part affinity fields, limbs to people."""

from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from posebeam.models.decoders.limbs import (
    LIMBS,
    PARTS,
    SKELETON,
    SPARE,
    Indices,
    Peaks,
    find_links,
    group,
    settled,
)
from posebeam.models.networks.openpose_thin import HEATS

Array = NDArray[np.float32]
Mask = NDArray[np.bool_]

_AROUND = [(dy, dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)]


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
        fields = maps[HEATS:].reshape(len(LIMBS), 2, *maps.shape[1:])
        fields = np.ascontiguousarray(fields.transpose(0, 2, 3, 1))
        look, reaches = partial(sample, fields), partial(reached, longer(fields, self.field))
        links = find_links(peaks, look, maps.shape[1], self.samples, self.field, self.along, reaches)
        surest = links.taken(np.lexsort((-links.score, SPARE[links.limb])))
        xy, score = settled(group(surest, peaks), peaks, self.joints, self.sure)
        xy = np.where(score[..., None] > 0, (xy + 0.5) / maps.shape[:0:-1], 0)
        seen = score.max(1, initial=0) >= min_score
        whole = [(0, 0), (0, len(SKELETON) - PARTS)]
        return np.pad(xy[seen], [*whole, (0, 0)]).astype(np.float32), np.pad(score[seen], whole)


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
    """Fields [19, h, w, 2] of limbs [M] at points [M, s, 2] in cells, bilinear, as [M, s, 2]."""
    h, w = fields.shape[1:3]
    x, y = np.clip(points[..., 0], 0, w - 1), np.clip(points[..., 1], 0, h - 1)
    left, top = np.minimum(x.astype(np.intp), w - 2), np.minimum(y.astype(np.intp), h - 2)
    right, low = (x - left.astype(np.float32))[..., None], (y - top.astype(np.float32))[..., None]
    at = fields.reshape(-1, 2)
    place = (limb[:, None] * h + top) * w + left
    upper = at.take(place, 0) * (1 - right) + at.take(place + 1, 0) * right
    lower = at.take(place + w, 0) * (1 - right) + at.take(place + w + 1, 0) * right
    return np.asarray(upper * (1 - low) + lower * low, np.float32)


def longer(fields: Array, least: float) -> Mask:
    """bool [19, h - 1, w - 1]: whether fields [19, h, w, 2] may be longer than `least` between four cells."""
    across, down = np.moveaxis(fields, -1, 0)
    high = across * across + down * down > (least * (1 - 1e-4)) ** 2  # what lies between is rounded
    rows = high[:, 1:] | high[:, :-1]
    return np.asarray(rows[:, :, 1:] | rows[:, :, :-1])


def reached(between_cells: Mask, limb: Indices, points: Array) -> Mask:
    """The same bool [M, s] for limbs [M] at points [M, s, 2] in cells."""
    h, w = between_cells.shape[1:]
    left, top = (np.clip(points[..., axis], 0, size - 1).astype(np.int32) for axis, size in ((0, w), (1, h)))
    return between_cells.reshape(-1).take((limb.astype(np.int32)[:, None] * h + top) * w + left)


paf = Paf()
