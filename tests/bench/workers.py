"""Two workers of one thread against one worker of one thread: frames/s of posebeam build, start-up left out.

Time runs from the first frames that a worker tells of (progress files) to the last shard's receipt (watched.py):
the uneven end, when one worker has run out of shards, counts. Both may use both cores; one worker uses a little
of the second for decoding.
"""

import tempfile
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path

import measure

SHARDS_A_SECOND, CLIPS_PER_SHARD = 1.6, 8  # so many shards that an uneven end weighs little
EVEN = 6  # shards are a multiple of it: two and three workers get equally many


def work(seconds: float) -> tuple[int, int]:
    """Shards and clips that keep workers busy for about so long."""
    shards = EVEN * max(1, round(SHARDS_A_SECOND * seconds / EVEN))
    return shards, CLIPS_PER_SHARD * shards


def figures(given: Namespace) -> Iterator[measure.Figure | measure.Skipped]:
    """Two workers against one, and three where there are more cores than two."""
    if len(measure.allowed_cores()) < 2:
        yield measure.Skipped("2 workers", "this machine has one core")
        return
    from clips import copy, shortest_first
    from watched import build

    refs = shortest_first(given.clips)
    shards, count = work(given.seconds)
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        source = copy(refs, Path(folder), count)
        flags = ["--threads", "1", "--shards", str(shards), "--device", "cpu"]
        most = 3 if len(measure.allowed_cores()) > 2 else 2
        for workers in range(2, most + 1):
            contestants = {
                "several": lambda n=workers: build(source, [*flags, "--workers", str(n)]).rate,
                "one": lambda: build(source, [*flags, "--workers", "1"]).rate,
            }
            found = measure.alternate(given.rounds, contestants)
            yield measure.Figure(
                f"{workers} workers", "1 worker", "frames/s", *found.values(),
                least=1.7 if workers == 2 else None, note=f"{count} clips, {shards} shards",
            )  # fmt: skip


if __name__ == "__main__":
    measure.main(figures)
