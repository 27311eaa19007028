"""Steps: the pure functions that keypoint chains are made of.

A step takes xy float64 [..., T, K, 2] and valid bool [..., T, K] and returns both anew.
Published steps follow the notebook "switching the backbone" of AcT (Mazzia et al., Pattern Recognition 2022,
github.com/PIC4SeR/AcT) and the package mpose 1.2, to the last bit and with their quirks.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from posebeam.transforms.layout import Layout

Points = NDArray[np.float64]
Mask = NDArray[np.bool_]
Numbers = NDArray[np.complexfloating]

_LEAST_SCALE = 1.0  # pixels: below that, a torso is no torso


def _numbers(xy: Points) -> Numbers:
    """Points [..., 2] as complex numbers [...]: numpy is up to eight times as slow along an axis of two."""
    return np.ascontiguousarray(xy).view(np.result_type(xy, np.complex64))[..., 0]


def _points(numbers: Numbers) -> Points:
    """Complex numbers [...] as points [..., 2]."""
    return np.ascontiguousarray(numbers)[..., None].view(numbers.real.dtype)


def zero_missing(xy: Points, valid: Mask) -> tuple[Points, Mask]:
    """A joint that was not seen is (0, 0), as in OpenPose's output. [..., T, K, 2] stays."""
    return _points(np.where(valid, _numbers(xy), 0)), valid


def merge_nonzero(xy: Points, valid: Mask, layout: Layout) -> tuple[Points, Mask]:
    """Base joints to the layout's 13 and its 2 anchors: [..., T, K, 2] to [..., T, 15, 2]. Published.

    An average is the sum over the number of values that are not 0, plus 1e-9, for x and y apart; anchors are
    plain means, missing joints included.
    """
    points = np.take(xy, [parts[0] for parts in (*layout.parts, *layout.anchors)], axis=-2)  # [..., T, 15, 2]
    for place, (joint, parts) in enumerate(zip(layout.skeleton.joints, layout.parts, strict=True)):
        if joint in layout.averaged:
            for channel in range(2):
                points[..., place, channel] = _mean_nonzero([xy[..., part, channel] for part in parts])
    for place, parts in enumerate(layout.anchors, start=len(layout.parts)):
        for channel in range(2):
            points[..., place, channel] = sum(xy[..., part, channel] for part in parts) / len(parts)
    return points, _merged(valid, layout)


def _mean_nonzero(values: Sequence[Points]) -> Points:
    count = sum((value != 0).astype(np.float64) for value in values)
    mean: Points = sum(values) / (count + 1e-9)
    return mean


def _merged(valid: Mask, layout: Layout) -> Mask:
    anchors = [valid[..., list(parts)].any(-1) for parts in layout.anchors]
    return np.concatenate([layout.seen(valid), np.stack(anchors, axis=-1)], axis=-1)


def centre(xy: Points, valid: Mask) -> tuple[Points, Mask]:
    """Zero anchor to (0, 0), module anchor to distance 1, frame by frame: [..., T, 15, 2] to [..., T, 13, 2].

    Published: a scale below 1 pixel counts as 1; missing joints and anchors are moved like any others.
    """
    numbers = _numbers(xy)
    joints, zero, module = numbers[..., :13], numbers[..., 13], numbers[..., 14]
    scale = _length(_points(zero - module))
    scale = np.where(scale < _LEAST_SCALE, 1.0, scale)
    moved = (joints - zero[..., None]).view(xy.dtype)  # [..., T, 26]: joint by joint x, y
    return (moved / scale[..., None]).reshape(*moved.shape[:-1], 13, 2), valid[..., :13]


def _length(vectors: Points) -> NDArray[np.float64]:
    # vecdot takes BLAS's dot product, as norm() of a single vector does; norm(axis=-1) and hypot do not, and
    # differ from the published numbers in the last bit.
    return np.sqrt(np.vecdot(vectors, vectors))


def velocities_from_position(xy: Points, valid: Mask) -> tuple[Points, Mask]:
    """Append v[t] = p[t] - p[t-1], with v[0] = p[0]: [..., T, 13, 2] to [..., T, 13, 4]. Published."""
    return _moving(xy, first=xy[..., 0, :, :]), valid


def _moving(xy: Points, first: Points) -> Points:
    """Positions [..., T, 13, 2] and their differences, the first of which is `first` [..., 13, 2]."""
    here = _numbers(xy)
    moving = np.empty((*here.shape, 2), here.dtype)
    moving[..., 0] = here
    moving[..., 0, :, 1] = _numbers(first)
    np.subtract(here[..., 1:, :], here[..., :-1, :], out=moving[..., 1:, :, 1])
    return moving.view(xy.dtype)


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
    return _moving(xy, first=np.zeros_like(xy[..., 0, :, :])), valid
