"""Boxes: frames of real clips, each with a box where somebody could stand."""

from pathlib import Path

import numpy as np
from clips import shortest_first, spread

from posebeam.pipelines.decode import open_clip


def frames_with_boxes(folder: Path, count: int) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """So many frames [H, W, 3], of clips as different as there are, and a box [1, 4] (x, y, w, h) in each."""
    refs = shortest_first(folder)
    frames = [next(iter(open_clip(ref.uri))).rgb for ref in spread(refs, count)]
    frames = [frames[number % len(frames)] for number in range(count)]
    rng = np.random.default_rng(0)
    boxes = []
    for frame in frames:
        height, width = frame.shape[:2]
        h = height * rng.uniform(0.4, 0.9)
        w = h * rng.uniform(0.3, 0.6)
        boxes.append(np.array([[rng.uniform(0, width - w), rng.uniform(0, height - h), w, h]]))
    return frames, boxes
