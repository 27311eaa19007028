"""Engines, started for real: each by a fixture, on free ports of loopback, ended by its process id.

make engines fetches them; what is not there is skipped, and the reason says what is missing.
"""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from posebeam.pipelines.publish import file_sha256

PLACE = Path(__file__).parent.parent.parent / ".engines"
SOURCE = Path(__file__).parent.parent / "media/actions"
POSEBEAM = ("-m", "posebeam.workflows.cli")
_WAIT, _END = 120, 20  # seconds


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One after the other in one process: two clusters at once would be measured against each other."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.xdist_group("engines"))


@dataclass(frozen=True)
class Run:
    """A build that was started: its process, where it writes, what it says."""

    process: subprocess.Popen[str]
    out: Path | str
    figures: dict[str, float] = field(default_factory=dict)

    def wait(self) -> "Run":
        """To its end, which must be a good one."""
        said, complaints = self.process.communicate(timeout=600)
        assert self.process.returncode == 0, complaints[-4000:]
        self.figures.update(json.loads(said))
        return self


@pytest.fixture(scope="session")
def start_build() -> Callable[..., Run]:
    """Starts posebeam build of the shipped videos, as a person does; a few clips a shard, 10 frames a second."""

    def start(
        out: Path | str, *beam_args: str, flags: Sequence[str] = ("--shared-disk",), source: Path | str = SOURCE,
        python: Path | str = sys.executable, **environment: str,
    ) -> Run:  # fmt: skip
        command = [python, *POSEBEAM, "build", "videos", source, out, "--fps", "10", "--shards", "2", "--json"]
        process = subprocess.Popen(
            [*map(str, command), *flags, "--", *beam_args], env=os.environ | environment,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        return Run(process, out)

    return start


@pytest.fixture(scope="session")
def promised() -> Callable[[Path], dict[str, str]]:
    """sha256 of every file of a data set but run.json, which alone may tell runs apart."""

    def hashes(out: Path) -> dict[str, str]:
        files = (path for path in out.rglob("*") if path.is_file() and path.name != "run.json")
        return {str(path.relative_to(out)): file_sha256(path) for path in sorted(files)}

    return hashes


@pytest.fixture(scope="session")
def local(start_build, promised, tmp_path_factory) -> dict[str, str]:
    """What the local runner makes of the same videos."""
    return promised(start_build(tmp_path_factory.mktemp("local") / "out").wait().out)


@pytest.fixture(scope="session")
def part() -> Callable[..., Path]:
    """Finds a file of a part that make engines fetched, by name and pattern; or the test is skipped."""

    def find(name: str, pattern: str) -> Path:
        found = sorted(PLACE.glob(pattern))
        if not (PLACE / f"{name}.fetched").is_file() or not found:
            pytest.skip(f"{name} is not there: make engines fetches it")
        return found[0]

    return find


@pytest.fixture(scope="session")
def java() -> str:
    """Java, or the test is skipped."""
    program = shutil.which("java")
    if program is None:
        pytest.skip("no java in PATH")
    return program


@pytest.fixture(scope="session")
def free_port() -> Callable[[], int]:
    """Gives ports of loopback that nobody listens on."""

    def find() -> int:
        with socket.socket() as one:
            one.bind(("127.0.0.1", 0))
            return int(one.getsockname()[1])

    return find


@pytest.fixture(scope="session")
def serve(tmp_path_factory) -> Callable[..., AbstractContextManager[int]]:
    """Starts a program, waits until it answers at its port, gives its process id; in the end it is ended."""

    @contextmanager
    def start(port: int, *command: object, **environment: str) -> Iterator[int]:
        log = tmp_path_factory.mktemp("server") / "log"
        with log.open("w") as file:
            process = subprocess.Popen(
                [str(word) for word in command], stdout=file, stderr=file, env=os.environ | environment
            )
        try:
            deadline = time.monotonic() + _WAIT
            while not _answers(port):
                assert process.poll() is None, f"{command[0]} ended: {log.read_text()[-2000:]}"
                assert time.monotonic() < deadline, f"{command[0]} is silent: {log.read_text()[-2000:]}"
                time.sleep(0.2)
            yield process.pid
        finally:
            _end(process)

    return start


def _answers(port: int) -> bool:
    with socket.socket() as one:
        one.settimeout(1)
        return one.connect_ex(("127.0.0.1", port)) == 0


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_END)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@pytest.fixture(scope="session")
def driver_flags(free_port, tmp_path_factory) -> Callable[[int], list[str]]:
    """The flags of Beam's job servers in Java."""

    def flags(port: int) -> list[str]:
        others = [f"--artifact-port={free_port()}", f"--expansion-port={free_port()}"]
        folder = tmp_path_factory.mktemp("artifacts")
        return ["--job-host=127.0.0.1", f"--job-port={port}", *others, f"--artifacts-dir={folder}"]

    return flags
