"""What the eleven checks share: their sizes, their figures, videos, and builds in processes of their own."""

import importlib.util
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import cv2
import numpy as np
import pytest

DRIVER = Path(__file__).parent / "driver.py"


@dataclass(frozen=True)
class Size:
    """How large a check is in `make test`, how large in `make soak`."""

    small: dict[str, int]
    full: dict[str, int]


# The one place of sizes. Faults are as many as there are touches of files, at most; growth is in MB.
SIZES = {
    "corrupt": Size({"good": 16, "corrupt": 16, "frames": 8}, {"good": 200, "corrupt": 200, "frames": 35}),
    "truncated": Size({"cut": 12, "intact": 24}, {"cut": 50, "intact": 200}),
    "kills": Size({"kills": 2, "clips": 40, "shards": 2}, {"kills": 20, "clips": 120, "shards": 4}),
    "reader": Size({"shards": 10}, {"shards": 100}),
    "disk": Size({"faults": 10, "limits": 3}, {"faults": 1000, "limits": 20}),
    "poison": Size({"clips": 2, "frames": 40}, {"clips": 10, "frames": 60}),
    "checkpoints": Size({"damaged": 150}, {"damaged": 10_000}),
    "workers": Size({"most": 2, "clips": 40}, {"most": 4, "clips": 240}),
    "leaks": Size({"splits": 300, "planted": 3}, {"splits": 1000, "planted": 100}),
    "long": Size({"frames": 20_000, "growth": 12}, {"frames": 324_000, "growth": 50}),
    "stall": Size({"seconds": 1}, {"seconds": 60}),
}


@pytest.fixture(scope="session")
def size(request: pytest.FixtureRequest) -> Callable[[str], dict[str, int]]:
    """size(name): the numbers of a check, small or with --soak full."""
    full = request.config.getoption("--soak")
    return lambda name: SIZES[name].full if full else SIZES[name].small


@pytest.fixture
def figure(record_property: Callable[[str, object], None]) -> Callable[..., None]:
    """figure(check, text, **numbers): a line of the table that stands at the end of `make soak`."""

    def note(check: str, text: str, **numbers: Any) -> None:
        record_property("figure", {"check": check, "text": text, "numbers": numbers})

    return note


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """The table, and its figures as JSON where --soak-json says."""
    if not config.getoption("--soak"):
        return
    reports = [report for kind in ("passed", "failed") for report in terminalreporter.stats.get(kind, ())]
    figures = [
        value | {"outcome": report.outcome, "seconds": round(report.duration, 1)}
        for report in reports
        if report.when == "call"
        for name, value in report.user_properties
        if name == "figure"
    ]
    figures.sort(key=lambda one: int(one["check"].split()[0]))
    terminalreporter.section("what it survives, at full size")
    for one in figures:
        terminalreporter.line(f"| {one['check']} | {one['text']} | {one['outcome']}, {one['seconds']:g} s |")
    if path := config.getoption("--soak-json"):
        Path(path).write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


@pytest.fixture(scope="session")
def driver() -> ModuleType:
    """driver.py as a module, for builds in this process."""
    spec = importlib.util.spec_from_file_location("posebeam_soak_driver", DRIVER)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def build(driver: ModuleType, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """build(source, out, shards): a build in this process, with the stub of driver.py."""
    monkeypatch.setattr("posebeam.pipelines.build.Job", driver.StubJob)
    return driver.build


@pytest.fixture
def start() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """start(*tasks): driver.py building them one after the other, a line of JSON each; ended with the test."""
    running: list[subprocess.Popen[str]] = []

    def run(*tasks: dict[str, Any]) -> subprocess.Popen[str]:
        command = [sys.executable, str(DRIVER), json.dumps(tasks)]
        running.append(
            subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
            )
        )
        return running[-1]

    yield run
    for process in running:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # with the workers of a driver that was killed
        process.communicate()


def write_frames(path: Path, frames: Sequence[np.ndarray], codec: str = "MJPG") -> Path:
    """A video of frames uint8 BGR [H, W, 3] at 25 a second."""
    path.parent.mkdir(parents=True, exist_ok=True)
    height, width = frames[0].shape[:2]
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*codec), 25.0, (width, height))
    assert writer.isOpened()
    for frame in frames:
        writer.write(frame)
    writer.release()
    return path


@pytest.fixture(scope="session")
def film() -> Callable[..., Path]:
    """film(path, frames, codec): writes a video."""
    return write_frames


@pytest.fixture(scope="session")
def grey_clips() -> Callable[..., Path]:
    """grey_clips(folder, clips, least): small videos of least and more frames, two labels, train and test."""

    def make(folder: Path, clips: int, least: int = 20) -> Path:
        for number in range(clips):
            split, label = ("train", "train", "test")[number % 3], ("left", "right")[number // 3 % 2]
            frames = [np.full((24, 32, 3), (7 * number + t) % 256, np.uint8) for t in range(least + number % 17)]
            write_frames(folder / split / label / f"{number}.avi", frames)
        return folder

    return make


@pytest.fixture(scope="session")
def promised() -> Callable[[Path], dict[str, bytes]]:
    """promised(out): every file under the promise of equal bytes."""

    def read(out: Path) -> dict[str, bytes]:
        files = (path for path in out.rglob("*") if path.is_file() and path.name != "run.json")
        return {str(path.relative_to(out)): path.read_bytes() for path in files}

    return read
