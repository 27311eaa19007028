"""Assign: which of one frame's people continue which tracks; the only assignment."""

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from posebeam.transforms.skeleton import Skeleton

# How far annotators stray from a joint, in square roots of a person's area (COCO keypoint evaluation,
# cocodataset.org/#keypoints-eval). Joints that COCO lacks take the middle of its range.
SIGMAS = {
    "nose": 0.026, "eye": 0.025, "ear": 0.035, "shoulder": 0.079, "elbow": 0.072, "wrist": 0.062,
    "hip": 0.107, "knee": 0.087, "ankle": 0.089,
}  # fmt: skip
_OTHER_SIGMA = 0.07

Array = NDArray[np.float64]


def sigmas(skeleton: Skeleton) -> Array:
    """The deviation of each joint [K]."""
    plain = (joint.removeprefix("left_").removeprefix("right_") for joint in skeleton.joints)
    return np.array([SIGMAS.get(joint, _OTHER_SIGMA) for joint in plain])


def oks(a: Array, a_seen: NDArray[np.bool_], b: Array, b_seen: NDArray[np.bool_], area: Array, k: Array) -> Array:
    """Object keypoint similarity, 0..1, of A people with B: the mean over joints that both show; 0 without one.

    a [A, K, 2], a_seen [A, K], b [B, K, 2], b_seen [B, K]; area [A, B] in square pixels; k [K] is twice the
    joints' sigmas. Source: COCO keypoint evaluation.
    """
    away = ((a[:, None] - b[None]) ** 2).sum(-1)  # [A, B, K]
    both = a_seen[:, None] & b_seen[None]
    alike = np.exp(-away / (2 * np.maximum(area, 1.0)[..., None] * k**2))
    return np.asarray((alike * both).sum(-1) / np.maximum(both.sum(-1), 1), np.float64)


def iou(a: Array, b: Array) -> Array:
    """Intersection over union [A, B] of boxes a [A, 4] and b [B, 4]: x0, y0, x1, y1."""
    low, high = np.maximum(a[:, None, :2], b[None, :, :2]), np.minimum(a[:, None, 2:], b[None, :, 2:])
    shared = np.clip(high - low, 0, None).prod(-1)
    union = box_area(a)[:, None] + box_area(b)[None] - shared
    return np.asarray(shared / np.maximum(union, 1e-9), np.float64)


def box_area(boxes: Array) -> Array:
    """Area [N] of boxes [N, 4]."""
    return np.asarray(np.clip(boxes[:, 2:] - boxes[:, :2], 0, None).prod(-1), np.float64)


def assign(similarity: Array, least: float) -> list[tuple[int, int]]:
    """The pairs (a, b) of rows and columns of similarity [A, B] with the greatest sum, each pair at least `least`.

    Pairs below it are out before the sum is formed, so that a hopeless one cannot displace a good one.
    """
    allowed = np.where(similarity >= least, similarity, 0.0)
    rows, columns = linear_sum_assignment(allowed, maximize=True)
    pairs = zip(rows.tolist(), columns.tolist(), strict=True)
    return [(a, b) for a, b in pairs if similarity[a, b] >= least]
