"""Watched: a posebeam build in processes of its own, with what it took: seconds, frames, memory of all of them."""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from posebeam.pipelines.progress import Tally
from posebeam.pipelines.stores.held import WORK

_LOOK_SECONDS = 0.05


@dataclass(frozen=True)
class Build:
    """A finished build.

    seconds    from the first frames that a worker told of to the last shard's receipt: start-up is left out
    frames     within these seconds
    wall       seconds from start to exit, start-up and end included
    peak       bytes: the largest sum of resident memory over all processes at one time
    """

    frames: int
    seconds: float
    wall: float
    peak: int

    @property
    def rate(self) -> float:
        """Frames a second."""
        return self.frames / self.seconds


def build(source: Path, flags: Sequence[str]) -> Build:
    """posebeam build videos SOURCE, watched from outside; its files go to a folder that is removed."""
    with tempfile.TemporaryDirectory(prefix="bench-") as place:
        out = Path(place) / "out"
        command = [sys.executable, "-m", "posebeam.workflows.cli", "build", "videos", str(source), str(out)]
        command += flags
        started = time.time()
        with (Path(place) / "log").open("w+") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log)
            first, before, peak = _watch(process, out)
            wall = time.time() - started
            log.seek(0)
            if process.returncode or not first:
                said = log.read()[-2000:]
                raise SystemExit(
                    f"{' '.join(command)}: exit code {process.returncode}, no worker told of frames, or:\n{said}"
                )
        frames = json.loads((out / "manifest.json").read_text())["frames"]
        last = max(path.stat().st_mtime for path in (out / "_shards").iterdir())
    return Build(frames - before, last - first, wall, peak)


def _watch(process: subprocess.Popen, out: Path) -> tuple[float, int, int]:
    """When the first frames were told of, how many, and the peak of memory; returns when the process has ended."""
    first, before, peak, tally = 0.0, 0, 0, None
    while process.poll() is None:
        peak = max(peak, _memory(process.pid))
        if tally is None and (report := next(out.glob(f"{WORK}/*/*.jsonl"), None)):
            tally = Tally(report.parent)
        if not before and tally is not None and (before := tally.read()["frames"]):
            first = time.time()
        time.sleep(_LOOK_SECONDS)
    return first, before, peak


def _memory(pid: int) -> int:
    """Resident bytes of a process and all below it."""
    total = 0
    try:
        root = psutil.Process(pid)
        for process in (root, *root.children(recursive=True)):
            total += process.memory_info().rss
    except psutil.NoSuchProcess:  # ended while it was looked at
        pass
    return total
