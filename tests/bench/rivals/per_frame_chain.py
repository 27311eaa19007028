"""The published keypoint chain as it is usually run: a window at a time, frame by frame, joint by joint."""

import numpy as np
from numpy.typing import NDArray

# OpenPose's 19 maps to COCO's 17 joints, as published.
REORDER = (0, 15, 14, 17, 16, 5, 2, 6, 3, 7, 4, 11, 8, 12, 9, 13, 10)
HEAD, ANKLES = range(5), (15, 16)
SHOULDERS, HIPS = (1, 2), (7, 8)  # of the 13


def windows(xy: NDArray[np.float64]) -> NDArray[np.float64]:
    """Keypoints [n, T, 19, 2] in pixels, (0, 0) where missing, to features [n, T, 52]."""
    return np.array([_window(window) for window in xy])


def _window(window: NDArray[np.float64]) -> NDArray[np.float64]:
    """[T, 19, 2] to [T, 52]."""
    scaled = []
    for frame in window:
        coco = np.zeros((17, 2))
        for joint in range(17):
            coco[joint] = frame[REORDER[joint]]
        scaled.append(_scaled(_merged(coco)))
    moving = []
    for number, frame in enumerate(scaled):
        joints = np.zeros((13, 4))
        for joint in range(13):
            joints[joint, :2] = frame[joint]
            joints[joint, 2:] = frame[joint] - scaled[number - 1][joint] if number else frame[joint]
        moving.append(joints.reshape(52))
    return np.array(moving)


def _merged(coco: NDArray[np.float64]) -> NDArray[np.float64]:
    """[17, 2] to [13, 2]: one joint for the head, and ankles averaged alone."""
    joints = np.zeros((13, 2))
    joints[0] = _average(coco, HEAD)
    for joint in range(5, 15):
        joints[joint - 4] = coco[joint]
    for place, ankle in enumerate(ANKLES):
        joints[11 + place] = _average(coco, (ankle,))
    return joints


def _average(coco: NDArray[np.float64], parts: range | tuple[int, ...]) -> NDArray[np.float64]:
    """[2]: the sum over the number of values that are not 0, channel by channel."""
    sums, counts = np.zeros(2), np.zeros(2)
    for part in parts:
        for channel in range(2):
            sums[channel] += coco[part, channel]
            counts[channel] += coco[part, channel] != 0
    return sums / (counts + 1e-9)


def _scaled(joints: NDArray[np.float64]) -> NDArray[np.float64]:
    """[13, 2] centred between the shoulders, the torso's length 1."""
    zero = (joints[SHOULDERS[0]] + joints[SHOULDERS[1]]) / 2
    module = (joints[HIPS[0]] + joints[HIPS[1]]) / 2
    scale = np.linalg.norm(zero - module)
    if scale < 1:
        scale = 1.0
    placed = np.zeros((13, 2))
    for joint in range(13):
        placed[joint] = (joints[joint] - zero) / scale
    return placed
