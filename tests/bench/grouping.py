"""Grouping: milliseconds that both read-outs of part affinity fields take a frame with 1, 5 and 20 people.

The people are painted into maps of one size, so that only their number differs: time may not grow faster than
they do. What a frame costs without anybody belongs to each of them.
"""

import time
from argparse import Namespace
from collections.abc import Callable, Iterator
from functools import partial
from itertools import pairwise

import measure
import numpy as np

HEIGHT, WIDTH = 23, 216  # cells of the maps: openpose-body is always shown 184 rows
COUNTS = (1, 5, 20)
# Somebody seen from the front, 20 cells high, neck at (0, 0), in OpenPose's order of joints.
BODY = np.array([
    (0, -2), (0, 0), (-2, 0), (-3, 3), (-3.5, 6), (2, 0), (3, 3), (3.5, 6), (-1.5, 7), (-1.5, 11), (-1.5, 15),
    (1.5, 7), (1.5, 11), (1.5, 15), (-1.2, -3), (1.2, -3), (-3, -2.6), (3, -2.6),
])  # fmt: skip

Read = Callable[[np.ndarray], int]


def figures(given: Namespace) -> Iterator[measure.Figure]:
    """A figure a way and a step up in people."""
    measure.pin(1)
    import torch

    torch.set_num_threads(1)
    for name, read in ways().items():
        found = {count: _frame(count) for count in (0, *COUNTS)}
        for count, maps in found.items():
            if (seen := read(maps)) != count:
                raise SystemExit(f"{name}: {count} people were painted, {seen} found")
        contestants = {
            str(count): partial(_milliseconds, read, maps, given.seconds / 10) for count, maps in found.items()
        }
        taken = measure.alternate(given.rounds, contestants)
        for few, many in pairwise(COUNTS):
            yield measure.Figure(
                f"{name}, {many} people", f"{few} people", "ms/frame", taken[str(many)], taken[str(few)],
                most=many / few, note=f"by people: {measure.medians(taken)}",
            )  # fmt: skip


def ways() -> dict[str, Read]:
    """The read-outs by name: maps to how many people they find."""
    import torch

    from posebeam.models.decoders.paf import paf
    from posebeam.models.decoders.paf_enlarged import paf_enlarged

    picture = (368, round(368 * WIDTH / HEIGHT))
    return {
        "grouping, openpose-thin": lambda maps: len(paf.people(maps, 0.1)[0]),
        "grouping, openpose-body": lambda maps: len(paf_enlarged.people(torch.from_numpy(maps), picture, 0.1)[0]),
    }


def _frame(count: int) -> np.ndarray:
    """Maps [57, HEIGHT, WIDTH] of so many people side by side."""
    from posebeam.models.decoders.limbs import LIMBS
    from posebeam.transforms.skeleton import skeleton

    joints = skeleton("openpose19")
    maps = np.zeros((57, HEIGHT, WIDTH), np.float32)
    cells = np.stack(np.meshgrid(np.arange(WIDTH), np.arange(HEIGHT)), -1).astype(float)  # [h, w, 2]: x, y
    for number in range(count):
        person = BODY + np.array((6.13 + 10.5 * number, 5.13))
        for k, joint in enumerate(person):
            maps[k] = np.maximum(maps[k], 0.9 * np.exp(-((cells - joint) ** 2).sum(-1) / 2))
        for limb, ends in enumerate(LIMBS):
            a, b = (person[joints.index(end)] for end in ends)
            length = np.linalg.norm(b - a)
            unit = (b - a) / length
            along, across = (cells - a) @ unit, (cells - a) @ (unit[1], -unit[0])
            maps[19 + 2 * limb : 21 + 2 * limb, (along > -1) & (along < length + 1) & (np.abs(across) < 1)] = unit[
                :, None
            ]
    maps[18] = 1 - maps[:18].max(0)
    return maps


def _milliseconds(read: Read, maps: np.ndarray, seconds: float) -> float:
    """A frame's, over so many seconds."""
    frames, started = 0, time.perf_counter()
    while (taken := time.perf_counter() - started) < seconds:
        read(maps)
        frames += 1
    return 1000 * taken / frames


if __name__ == "__main__":
    measure.main(figures)
