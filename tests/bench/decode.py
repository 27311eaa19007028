"""Decoding to RGB with timestamps against the fastest of OpenCV, PyAV, decord, torchcodec: one core, one thread.

Each runs in a process of its own (rivals/decoders.py says what is asked of it), start-up and one pass that does
not count left out. The fastest is the one with the highest median.
"""

import json
import os
import subprocess
import sys
import tempfile
from argparse import Namespace
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import environments
import measure

PROGRAM = Path(__file__).parent / "rivals" / "decoders.py"
GUESS = 3000  # frames a second: how many clips fill the time
LEAST = 8  # clips
LARGE = (1280, 720, 300)  # width, height, frames of the video that is made

Command = tuple[Path, dict[str, str]]


def figures(given: Namespace) -> Iterator[measure.Figure | measure.Skipped]:
    """A figure for the clips, and one for a larger mp4."""
    measure.pin(1)
    from clips import shortest_first, within

    commands, absent = _commands()
    for name, why in absent.items():
        yield measure.Skipped(f"decode with {name}", why)
    refs = within(shortest_first(given.clips), GUESS * given.seconds, LEAST)
    yield _figure("clips", commands, [ref.uri for ref in refs], given.rounds)
    with tempfile.TemporaryDirectory() as folder:
        large = given.large or _make(Path(folder) / "large.mp4", refs[0].uri)
        yield _figure(f"{large.name}", commands, [str(large)], given.rounds)


def _commands() -> tuple[dict[str, Command], dict[str, str]]:
    """How to start each decoder that installs, and why others do not."""
    commands: dict[str, Command] = {name: (Path(sys.executable), {}) for name in ("posebeam", "opencv")}
    absent = {}
    for name in environments.DECODERS:
        try:
            commands[name] = environments.decoder(name)
            _run(name, commands[name], [str(next(measure.MEDIA.rglob("*.avi")))])
        except (RuntimeError, subprocess.CalledProcessError) as error:
            commands.pop(name, None)
            absent[name] = (getattr(error, "stderr", "") or str(error)).strip().splitlines()[-1]
    return commands, absent


def _run(name: str, command: Command, files: Sequence[str]) -> dict[str, float]:
    python, variables = command
    done = subprocess.run(
        [str(python), str(PROGRAM), name, *files],
        env=os.environ | variables, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return dict(json.loads(done.stdout))


def _figure(which: str, commands: dict[str, Command], files: list[str], rounds: int) -> measure.Figure:
    frames: dict[str, float] = {}

    def rate(name: str) -> float:
        facts = _run(name, commands[name], files)
        frames[name] = facts["frames"]
        return facts["frames"] / facts["seconds"]

    found = measure.alternate(rounds, {name: partial(rate, name) for name in commands})
    ours = found.pop("posebeam")
    best = measure.fastest(found)
    note = measure.medians(found)
    if len(set(frames.values())) > 1:
        note += f"; not all found as many frames: {frames}"
    return measure.Figure(f"decode, {which}", best, "frames/s", ours, found[best], least=0.9, note=note)


def _make(path: Path, clip: str) -> Path:
    """A clip's frames again and again, enlarged: MPEG-4, the one codec of mp4 that OpenCV's package can write."""
    import cv2

    from posebeam.pipelines.decode import open_clip

    width, height, count = LARGE
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"mp4v"), 25.0, (width, height))
    frames = [cv2.resize(frame.rgb[:, :, ::-1], (width, height)) for frame in open_clip(clip)]
    for number in range(count):
        writer.write(frames[number % len(frames)])
    writer.release()
    return path


if __name__ == "__main__":
    measure.main(figures)
