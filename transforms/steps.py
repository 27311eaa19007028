"""Steps: the pure functions that keypoint chains are made of.

A step takes xy float64 [..., T, K, 2] and valid bool [..., T, K] and returns both anew.
Published steps follow the notebook "switching the backbone" of AcT (Mazzia et al., Pattern Recognition 2022,
github.com/PIC4SeR/AcT) and the package mpose 1.2, to the last bit and with their quirks.
"""

import numpy as np
from numpy.typing import NDArray

from posebeam.transforms.layout import Layout

Points = NDArray[np.float64]
Mask = NDArray[np.bool_]

_LEAST_SCALE = 1.0  # pixels: below that, a torso is no torso


def zero_missing(xy: Points, valid: Mask) -> tuple[Points, Mask]:
    """A joint that was not seen is (0, 0), as in OpenPose's output. [..., T, K, 2] stays."""
    return np.where(valid[..., None], xy, 0.0), valid


def merge_nonzero(xy: Points, valid: Mask, layout: Layout) -> tuple[Points, Mask]:
    """Base joints to the layout's 13 and its 2 anchors: [..., T, K, 2] to [..., T, 15, 2]. Published.

    An average is the sum over the number of values that are not 0, plus 1e-9, for x and y apart; anchors are
    plain means, missing joints included.
    """
    joints = [
        _mean_nonzero(xy[..., list(parts), :]) if joint in layout.averaged else xy[..., parts[0], :]
        for joint, parts in zip(layout.skeleton.joints, layout.parts, strict=True)
    ]
    anchors = [xy[..., list(parts), :].mean(-2) for parts in layout.anchors]
    return np.stack([*joints, *anchors], axis=-2), _merged(valid, layout)


def _mean_nonzero(xy: Points) -> Points:
    return xy.sum(-2) / ((xy != 0).sum(-2) + 1e-9)


def _merged(valid: Mask, layout: Layout) -> Mask:
    anchors = [valid[..., list(parts)].any(-1) for parts in layout.anchors]
    return np.concatenate([layout.seen(valid), np.stack(anchors, axis=-1)], axis=-1)


def centre(xy: Points, valid: Mask) -> tuple[Points, Mask]:
    """Zero anchor to (0, 0), module anchor to distance 1, frame by frame: [..., T, 15, 2] to [..., T, 13, 2].

    Published: a scale below 1 pixel counts as 1; missing joints and anchors are moved like any others.
    """
    joints, zero, module = xy[..., :13, :], xy[..., 13, :], xy[..., 14, :]
    scale = _length(zero - module)
    scale = np.where(scale < _LEAST_SCALE, 1.0, scale)
    return (joints - zero[..., None, :]) / scale[..., None, None], valid[..., :13]


def _length(vectors: Points) -> NDArray[np.float64]:
    # vecdot takes BLAS's dot product, as norm() of a single vector does; norm(axis=-1) and hypot do not, and
    # differ from the published numbers in the last bit.
    return np.sqrt(np.vecdot(vectors, vectors))


def velocities_from_position(xy: Points, valid: Mask) -> tuple[Points, Mask]:
    """Append v[t] = p[t] - p[t-1], with v[0] = p[0]: [..., T, 13, 2] to [..., T, 13, 4]. Published."""
    return np.concatenate([xy, np.diff(xy, axis=-3, prepend=0.0)], axis=-1), valid


def fill_gaps(xy: Points, valid: Mask) -> tuple[Points, Mask]:
    """Unseen joints from the frames in which they were seen: linear between, the nearest at the ends.

    [..., T, K, 2] stays; afterwards a joint is valid in all frames or in none, and then it is (0, 0).
    """
    T = valid.shape[-2]
    time = np.arange(T)[:, None]  # [T, 1] against valid's [..., T, K]
    before = np.maximum.accumulate(np.where(valid, time, -1), axis=-2)
    after = np.flip(np.minimum.accumulate(np.flip(np.where(valid, time, T), -2), axis=-2), -2)
    first, last = np.where(before < 0, after, before), np.where(after == T, before, after)
    known = np.broadcast_to(valid.any(-2, keepdims=True), valid.shape)
    first, last = np.where(known, first, 0), np.where(known, last, 0)
    share = ((time - first) / np.maximum(last - first, 1))[..., None]
    values = [np.take_along_axis(xy, index[..., None], axis=-3) for index in (first, last)]
    return np.where(known[..., None], values[0] + share * (values[1] - values[0]), 0.0), known


def merge_seen(xy: Points, valid: Mask, layout: Layout) -> tuple[Points, Mask]:
    """Base joints to the layout's 13 and its 2 anchors, each the mean of its parts that are valid.

    [..., T, K, 2] to [..., T, 15, 2]; without a valid part (0, 0) and not valid.
    """
    groups = [*layout.parts, *layout.anchors]
    means = [_mean(xy[..., list(parts), :], valid[..., list(parts)]) for parts in groups]
    return np.stack(means, axis=-2), _merged(valid, layout)


def _mean(xy: Points, valid: Mask) -> Points:
    count = np.maximum(valid.sum(-1), 1)
    return np.where(valid[..., None], xy, 0.0).sum(-2) / count[..., None]


def centre_seen(xy: Points, valid: Mask) -> tuple[Points, Mask]:
    """As `centre`, from valid joints only: [..., T, 15, 2] to [..., T, 13, 2]; the others become (0, 0).

    Without the zero anchor the module anchor is the centre, without both the mean joint; without one of them
    the scale is the root mean square distance of the joints from the centre.
    """
    joints, seen = xy[..., :13, :], valid[..., :13]
    has_zero, has_module = valid[..., 13], valid[..., 14]
    middle = np.where(has_module[..., None], xy[..., 14, :], _mean(joints, seen))
    origin = np.where(has_zero[..., None], xy[..., 13, :], middle)
    moved = np.where(seen[..., None], joints - origin[..., None, :], 0.0)
    spread = np.sqrt((moved**2).sum((-2, -1)) / np.maximum(seen.sum(-1), 1))
    scale = np.where(has_zero & has_module, _length(xy[..., 13, :] - xy[..., 14, :]), spread)
    return moved / np.maximum(scale, _LEAST_SCALE)[..., None, None], seen


def centre_window(xy: Points, valid: Mask) -> tuple[Points, Mask]:
    """One origin and one scale for the whole window: [..., T, 15, 2] to [..., T, 13, 2]; unseen joints (0, 0).

    Origin: the median over frames of the joints' mean. Scale: the largest, over frames, root mean square
    distance of the joints from their mean. So a foreshortened torso cannot blow up a frame, and the body's
    way through the picture stays.
    """
    joints, seen = xy[..., :13, :], valid[..., :13]
    middle = _mean(joints, seen)  # [..., T, 2]
    spread = np.where(seen[..., None], joints - middle[..., None, :], 0.0)
    size = np.sqrt((spread**2).sum((-2, -1)) / np.maximum(seen.sum(-1), 1))  # [..., T]
    origin = np.median(middle, axis=-2, keepdims=True)[..., None, :]
    scale = np.maximum(size.max(-1), _LEAST_SCALE)[..., None, None, None]
    return np.where(seen[..., None], joints - origin, 0.0) / scale, seen


def velocities_from_rest(xy: Points, valid: Mask) -> tuple[Points, Mask]:
    """Append v[t] = p[t] - p[t-1], with v[0] = 0: [..., T, 13, 2] to [..., T, 13, 4]."""
    return np.concatenate([xy, np.diff(xy, axis=-3, prepend=xy[..., :1, :, :])], axis=-1), valid
