"""Peak memory and time of posebeam build at 200 clips against 20: the 20 clips ten times over, one worker.

Memory is the largest sum of resident bytes over all processes, looked at 20 times a second. Time leaves start-up
out (watched.py), which is stricter: with it the ratio would be smaller; the seconds with it stand in the note.
"""

import statistics
import tempfile
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path

import measure

MEGABYTE = 1e6


def figures(given: Namespace) -> Iterator[measure.Figure]:
    """A figure for memory, and one for time."""
    from clips import copy, shortest_first, spread
    from watched import Build, build

    few, many = given.sizes
    refs = spread(shortest_first(given.clips)[: 10 * few], few)
    flags = ["--workers", "1", "--threads", "1", "--device", "cpu"]
    found: dict[int, list[Build]] = {few: [], many: []}
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        sources = {size: copy(refs, Path(folder) / str(size), size) for size in found}
        for number in range(given.rounds):
            for size in sorted(found, reverse=bool(number % 2)):
                found[size].append(build(sources[size], flags))
    what, against = f"{many} clips", f"{few} clips"
    peaks = [tuple(each.peak / MEGABYTE for each in found[size]) for size in (many, few)]
    yield measure.Figure(f"peak memory, {what}", against, "MB", *peaks, most=1.1)
    times = [tuple(each.seconds for each in found[size]) for size in (many, few)]
    whole = " and ".join(f"{statistics.median(each.wall for each in found[size]):.1f}" for size in (many, few))
    note = f"with start-up and end {whole} s"
    yield measure.Figure(f"time, {what}", against, "s", *times, most=1.05 * many / few, note=note)


if __name__ == "__main__":
    measure.main(figures)
