"""The keypoint chain, 19 maps' keypoints to 52 features, against per-frame loops: windows/s, one core.

The loops (rivals/per_frame_chain.py) follow the published description; what they give is held against ours to
the last bit before anything is timed.
"""

import time
from argparse import Namespace
from collections.abc import Callable, Iterator

import measure

LENGTH = 30
OURS, LOOPS = 2000, 100  # windows at a time
SECONDS = 1.0  # a contest at least


def figures(given: Namespace) -> Iterator[measure.Figure]:
    """One figure."""
    measure.pin(1)
    import numpy as np
    from rivals.per_frame_chain import windows

    from posebeam.transforms.chain import chain

    rng = np.random.default_rng(0)
    steps = rng.normal(0, 3, (OURS, LENGTH, 19, 2)).cumsum(1)
    seen = rng.random((OURS, LENGTH, 19)) > 0.1
    xy = np.where(seen[..., None], 200 + 40 * rng.normal(size=(OURS, 1, 19, 2)) + steps, 0.0)  # pixels
    act = chain("act")

    if not np.array_equal(act.apply(xy[:LOOPS], seen[:LOOPS], "openpose19")[0], windows(xy[:LOOPS])):
        raise SystemExit("the per-frame loops give other features than the chain act: nothing to compare")
    contestants = {
        "ours": lambda: _rate(lambda: act.apply(xy, seen, "openpose19"), OURS),
        "loops": lambda: _rate(lambda: windows(xy[:LOOPS]), LOOPS),
    }
    found = measure.alternate(given.rounds, contestants)
    yield measure.Figure("keypoint chain act", "per-frame loops", "windows/s", *found.values(), least=100)


def _rate(work: Callable[[], object], windows: int) -> float:
    """Windows a second, repeated for a while."""
    done, started = 0, time.perf_counter()
    while time.perf_counter() - started < SECONDS:
        work()
        done += windows
    return done / (time.perf_counter() - started)


if __name__ == "__main__":
    measure.main(figures)
