"""End to end with movenet-lightning against MediaPipe's pose solution: same clips, on one core and on two.

Ours writes Parquet with windows, MediaPipe's loop (rivals/mediapipe_pose.py) writes nothing; neither is charged
for loading its models. On one core ours is a worker's way with a shard (shards.py), on two it is posebeam build
with two workers of one thread (watched.py), the clips as often as keeps them busy.
"""

import json
import subprocess
import tempfile
from argparse import Namespace
from collections.abc import Callable, Iterator
from pathlib import Path

import environments
import measure

BACKBONE = "movenet-lightning"
GUESS = 20  # MediaPipe's frames a second: how many clips fill the time
LEAST = 8  # clips
AGAINST = "MediaPipe 0.10.21"

Contest = Callable[[list], float]  # clips to frames a second


def figures(given: Namespace) -> Iterator[measure.Figure | measure.Skipped]:
    """A figure for one core, and one for two."""
    try:
        python = environments.mediapipe()
    except RuntimeError as error:
        yield measure.Skipped(f"end to end, {BACKBONE}, against {AGAINST}", str(error))
        return
    measure.pin(1)
    from clips import shortest_first, within

    chosen = within(shortest_first(given.clips), GUESS * given.seconds, LEAST)
    yield _figure("1 core", _one(), given, python, chosen)
    if len(measure.allowed_cores()) > 1:
        measure.pin(2)
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            yield _figure("2 cores", _two(chosen, Path(folder), given.seconds), given, python, chosen)


def _figure(cores: str, ours: Contest, given: Namespace, python: Path, chosen: list) -> measure.Figure:
    found = measure.alternate(given.rounds, {"ours": lambda: ours(chosen), AGAINST: lambda: _rate(python, chosen)})
    what, note = f"end to end, {BACKBONE}, {cores}", f"{len(chosen)} clips"
    return measure.Figure(what, AGAINST, "frames/s", *found.values(), least=2.0, note=note)


def _one() -> Contest:
    """A worker's way with a shard of the clips."""
    import torch
    from shards import Builder

    torch.set_num_threads(1)
    return Builder(BACKBONE).rate


def _two(chosen: list, folder: Path, seconds: float) -> Contest:
    """A build by two workers of as many copies of the clips as keep them busy."""
    from clips import copy
    from watched import build
    from workers import work

    shards, count = work(seconds)
    source = copy(chosen, folder, count)
    flags = f"--backbone {BACKBONE} --workers 2 --threads 1 --shards {shards} --device cpu".split()
    return lambda _: build(source, flags).rate


def _rate(python: Path, refs: list) -> float:
    """MediaPipe's frames a second."""
    program = Path(__file__).parent / "rivals" / "mediapipe_pose.py"
    command = [str(python), str(program), *(ref.uri for ref in refs)]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True)
    facts = json.loads(done.stdout)
    return facts["frames"] / facts["seconds"]


if __name__ == "__main__":
    measure.main(figures)
