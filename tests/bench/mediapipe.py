"""End to end with movenet-lightning against MediaPipe's pose solution: same clips, on one core and on two.

Ours writes Parquet with windows, MediaPipe's loop (rivals/mediapipe_pose.py) writes nothing; neither is charged
for loading its models. On two cores ours is one worker of two threads.
"""

import json
import subprocess
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path

import environments
import measure

BACKBONE = "movenet-lightning"
GUESS = 20  # MediaPipe's frames a second: how many clips fill the time
LEAST = 8  # clips


def figures(given: Namespace) -> Iterator[measure.Figure | measure.Skipped]:
    """A figure for one core, and one for two."""
    against = "MediaPipe 0.10.21"
    try:
        python = environments.mediapipe()
    except RuntimeError as error:
        yield measure.Skipped(f"end to end, {BACKBONE}, against {against}", str(error))
        return
    for cores in (1, 2):
        yield _figure(given, python, cores, against)


def _figure(given: Namespace, python: Path, cores: int, against: str) -> measure.Figure:
    measure.pin(cores)
    import torch
    from clips import shortest_first, within
    from shards import Builder

    torch.set_num_threads(cores)
    chosen = within(shortest_first(given.clips), GUESS * given.seconds, LEAST)
    builder = Builder(BACKBONE)
    contestants = {"ours": lambda: builder.rate(chosen), against: lambda: _rate(python, chosen)}
    found = measure.alternate(given.rounds, contestants)
    what = f"end to end, {BACKBONE}, {cores} core{'s' * (cores > 1)}"
    return measure.Figure(what, against, "frames/s", *found.values(), least=2.0, note=f"{len(chosen)} clips")


def _rate(python: Path, refs: list) -> float:
    """MediaPipe's frames a second."""
    program = Path(__file__).parent / "rivals" / "mediapipe_pose.py"
    command = [str(python), str(program), *(ref.uri for ref in refs)]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True)
    facts = json.loads(done.stdout)
    return facts["frames"] / facts["seconds"]


if __name__ == "__main__":
    measure.main(figures)
