"""Suppression: of people who are one and the same, the surest; and how sure a person is."""

import numpy as np
from numpy.typing import NDArray

from posebeam.transforms.assign import oks
from posebeam.transforms.people import People

Array = NDArray[np.float64]

ALIKE = 0.9  # object keypoint similarity above which two are the same person
SEEN = 0.2  # joints above it count for a person's score


def person_scores(
    joint_scores: NDArray[np.floating], box_scores: NDArray[np.floating], seen: float = SEEN
) -> Array:
    """The mean of a person's joints' scores [P, K] above `seen` times the score [P] of its box; 0 without one.

    Source: evaluate() of lib/dataset/coco.py, github.com/microsoft/human-pose-estimation.pytorch.
    """
    counted = joint_scores > seen
    total = np.where(counted, joint_scores, 0).sum(1, dtype=np.float64)
    return np.asarray(total / np.maximum(counted.sum(1), 1) * box_scores, np.float64)


def scores_in_boxes(people: People, min_score: float, published: bool) -> Array:
    """How sure each of the people [P] is who were looked for in boxes, of which `sure` is the score.

    For top-down networks as `published`, of joints above SEEN. For MoveNet, for which nothing was published, the
    mean of all joints: who shows one joint only is not as sure as that joint.
    """
    return person_scores(people.score, people.sureness(min_score), SEEN if published else 0.0)


def similarity(xy: NDArray[np.floating], area: Array, sigmas: Array) -> Array:
    """OKS [P, P] of people xy [P, K, 2] with each other over all joints; area [P] is averaged."""
    points, all_seen = xy.astype(np.float64), np.ones(xy.shape[:2], bool)
    return oks(points, all_seen, points, all_seen, (area[:, None] + area) / 2, 2 * sigmas)


def suppress(alike: Array, score: NDArray[np.floating], most: float = ALIKE) -> NDArray[np.intp]:
    """Whom to keep of one picture's people, surest first: nobody more than `most` alike a surer one that is kept.

    alike [P, P], score [P]. Source: oks_nms of the same repository.
    """
    left = np.argsort(-score, kind="stable")
    kept = []
    while len(left):
        kept.append(left[0])
        left = left[1:][alike[left[0], left[1:]] <= most]
    return np.array(kept, np.intp)
