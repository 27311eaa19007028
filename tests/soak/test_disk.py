"""Check 5: a disk that is full or fails, wherever files are touched. No finished file changes."""

import errno
import os
import random
import resource
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from posebeam.workflows.cli import run as posebeam

SHARDS = 2  # a split


class Disk:
    """Counts the touches of files below a folder, and fails at one of them: in the middle of it, if it writes."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder, self.at, self.code = str(folder), 0, errno.ENOSPC
        self.touches: list[str] = []
        for owner, name in ((Path, "mkdir"), (Path, "open"), (Path, "replace"), (Path, "unlink"), (os, "fsync")):
            monkeypatch.setattr(owner, name, self._guarded(getattr(owner, name), name))
        monkeypatch.setattr(Path, "write_text", self._half_text(Path.write_text))
        monkeypatch.setattr(pa.ipc, "new_file", self._guarded(pa.ipc.new_file, "new_file"))
        monkeypatch.setattr(pq.ParquetWriter, "write_table", self._rows(pq.ParquetWriter.write_table))
        monkeypatch.setattr(pq.ParquetWriter, "close", self._rows(pq.ParquetWriter.close))

    def touch(self, path: object, name: str) -> None:
        """Note it, and fail if this is the one."""
        path = Path(f"/proc/self/fd/{path}").readlink() if isinstance(path, int) else path
        if not str(path).startswith(self.folder):
            return
        self.touches.append(name)
        if len(self.touches) == self.at:
            raise OSError(self.code, os.strerror(self.code), str(path))

    def _guarded(self, real, name):
        def call(path, *args, **options):
            self.touch(path, name)
            return real(path, *args, **options)

        return call

    def _half_text(self, real):
        def write(path, text, **options):
            try:
                self.touch(path, "write_text")
            except OSError:
                real(path, text[: len(text) // 2], **options)
                raise
            return real(path, text, **options)

        return write

    def _rows(self, real):
        def call(writer, *args, **options):
            if writer.is_open:
                self.touch(writer.where, real.__name__)
            return real(writer, *args, **options)

        return call


@pytest.fixture
def source(grey_clips, tmp_path):
    return grey_clips(tmp_path / "source", 10)


@pytest.fixture
def command(source, build):
    """command(out): exit code of posebeam build with the stub."""
    return lambda out: posebeam(
        ["build", "videos", str(source), str(out), "--shards", str(SHARDS), "--device", "cpu"]
    )


@pytest.fixture
def half(command, promised, tmp_path):
    """A folder where half of the shards are finished, and what the whole one holds."""
    out = tmp_path / "half"
    assert command(out) == 0
    whole = promised(out)
    for path in sorted(out.glob("_shards/*"))[::2]:
        path.unlink()
    for path in [*sorted(out.glob("windows/*"))[::2], out / "manifest.json"]:
        path.unlink()
    return out, whole


def fails_and_goes_on(half, out, command, promised, fail, capsys):
    """Under a fault the command ends with a sentence and changes no finished file; then it completes."""
    finished, whole = half
    shutil.copytree(finished, out)
    capsys.readouterr()
    code = fail()
    said = capsys.readouterr().err
    after = promised(out)
    assert {name: data for name, data in after.items() if data != whole.get(name) and "_tmp/" not in name} == {}
    kept = promised(finished).keys() - {"manifest.json"}
    assert kept <= after.keys()
    assert command(out) == 0
    assert promised(out) == whole
    shutil.rmtree(out)
    return code, said


def test_a_fault_anywhere_leaves_all_finished_files(
    half, command, promised, size, capsys, tmp_path, monkeypatch, figure
):
    """A file that was written under its own name, or a receipt before its files, would stand there half."""
    seed, out = int.from_bytes(os.urandom(4)), tmp_path / "out"
    print(f"seed {seed}")
    dice = random.Random(seed)
    disk = Disk(out, monkeypatch)
    fails_and_goes_on(half, out, command, promised, lambda: command(out), capsys)
    names = touches_of_a_build(disk, half, out, command)
    hit = choose(names, size("disk")["faults"], dice)
    for number, place in enumerate(hit):
        code_of_fault = (errno.ENOSPC, errno.EIO)[number % 2]

        def fail(place=place, code_of_fault=code_of_fault):
            disk.touches, disk.at, disk.code = [], place + 1, code_of_fault
            try:
                return command(out)
            finally:
                disk.at = 0

        code, said = fails_and_goes_on(half, out, command, promised, fail, capsys)
        assert code == 1, f"{names[place]}, touch {place}: {said}"
        assert os.strerror(code_of_fault) in said
        assert "the same command goes on" in said
        assert "Traceback" not in said
    kinds = sorted({names[place] for place in hit})
    figure(
        "5 disk full, I/O errors", f"at {len(hit)} of {len(names)} touches of files ({', '.join(kinds)}): no "
        "finished file changed, each run goes on to the same bytes",
        faults=len(hit), touches=len(names), kinds=kinds,
    )  # fmt: skip


def touches_of_a_build(disk, half, out, command):
    """The names of the touches of a build that completes the half."""
    shutil.copytree(half[0], out)
    disk.touches = []
    assert command(out) == 0
    shutil.rmtree(out)
    return disk.touches


def choose(names, count, dice):
    """Places: each kind once, then any."""
    places = list(range(len(names)))
    dice.shuffle(places)
    first = {names[place]: place for place in places}
    rest = [place for place in places if place not in first.values()]
    return [*first.values(), *rest][: max(count, len(first))]


def test_a_limit_on_files_that_the_system_sets(half, command, promised, size, capsys, tmp_path, figure):
    """Not a made error but the system's own, which Arrow's writers meet in C++."""
    out, whole = tmp_path / "out", half[1]
    biggest = max(len(data) for data in whole.values())
    limits = [biggest * (step + 1) // (size("disk")["limits"] + 1) for step in range(size("disk")["limits"])]
    for limit in limits:

        def fail(limit=limit):
            _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
            try:
                return command(out)
            finally:
                resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))

        code, said = fails_and_goes_on(half, out, command, promised, fail, capsys)
        assert code == 1, limit
        assert os.strerror(errno.EFBIG) in said
    figure(
        "5 limit of the system", f"{len(limits)} limits on the size of files: no finished file changed",
        limits=limits,
    )  # fmt: skip
