"""Check 11, first half: a video of hours costs no more memory than one of seconds."""

import json
import subprocess
import threading
import time
from pathlib import Path

import numpy as np
import psutil

MB = 1 << 20
STRIDE = 2  # frames between windows: seven times as many rows as by default
SHORT = 6_500  # frames: six segments of a track, three row groups of windows, which are held for writing


def memory(process: subprocess.Popen[str], over: threading.Event) -> list[tuple[float, float]]:
    """Seconds and MB of the process and all below it, as long as they live."""
    samples, tree = [], psutil.Process(process.pid)
    while not over.wait(0.05):
        try:
            members = [tree, *tree.children(recursive=True)]
            samples.append((time.monotonic(), sum(one.memory_info().rss for one in members) / MB))
        except psutil.NoSuchProcess:
            break
    return samples


def write(film, path: Path, frames: int) -> None:
    """Bright and dark in turn, in 64 x 48."""
    film(path, Grey(frames), "XVID")


class Grey:
    """Frames made when they are asked for: the test must not hold hours of them either."""

    def __init__(self, count: int):
        self._count = count

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, number: int) -> np.ndarray:
        if number >= self._count:
            raise IndexError(number)
        return np.full((48, 64, 3), number % 256, np.uint8)


def test_a_long_video_takes_no_more_memory_than_a_short_one(film, start, size, tmp_path, figure):
    """One process builds a short video, then a long one: the peaks are compared.

    Frames, poses (200 bytes a frame), windows (7 KB) or timestamps that pile up would show.
    """
    wanted = size("long")
    for name, frames in (("short", SHORT), ("long", wanted["frames"])):
        write(film, tmp_path / name / "train/walk/video.avi", frames)
    tasks = [
        {"source": str(tmp_path / name), "out": str(tmp_path / f"{name}-out-{number}"), "stride": STRIDE}
        for number, name in enumerate(("short", "short", "long"))  # the first one warms the allocators up
    ]
    process, over, samples = start(*tasks), threading.Event(), []
    sampler = threading.Thread(target=lambda: samples.extend(memory(process, over)))
    sampler.start()
    for _ in ("ready", "short", "short"):
        process.stdout.readline()
    changed = time.monotonic()
    last = process.stdout.readline()
    over.set()
    sampler.join()
    assert last, process.communicate()[1]
    assert json.loads(last)["frames"] == wanted["frames"]
    short = max(mb for at, mb in samples if at < changed)
    long = max(mb for at, mb in samples if at >= changed)
    rate = json.loads(last)["frames"] / json.loads(last)["seconds"]
    figure(
        "11 long video", f"{wanted['frames']:,} frames ({wanted['frames'] / 30 / 3600:.1f} h at 30 fps): peak "
        f"{long:.0f} MB, {long - short:+.1f} MB over that of {SHORT:,} frames", frames=wanted["frames"],
        short_mb=round(short, 1), long_mb=round(long, 1), growth_mb=round(long - short, 1), fps=round(rate),
    )  # fmt: skip
    assert long - short < wanted["growth"]
