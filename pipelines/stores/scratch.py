"""Scratch: a private folder for unfinished files of what lies in a store; what the killed leave is swept."""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from posebeam.models.private import make_private
from posebeam.pipelines.stores.address import mirrors

_ALIVE = "alive"


@contextmanager
def scratch() -> Iterator[Path]:
    """A folder of one's own. Removed in the end, or, if the process is killed, by the next who wants one here: as
    long as a process lives it holds a lock in its folder.
    """
    root = make_private(make_private(mirrors()) / "_scratch")
    folder = root / uuid4().hex
    with _alone(root):
        _sweep(root)
        folder.mkdir()
        alive = os.open(folder / _ALIVE, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC)
        fcntl.flock(alive, fcntl.LOCK_EX)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(alive)


@contextmanager
def _alone(root: Path) -> Iterator[None]:
    """Nobody else makes or sweeps folders meanwhile: a folder is never seen before its lock is held."""
    with (root / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _sweep(root: Path) -> None:
    for folder in (path for path in root.iterdir() if path.is_dir()):
        try:
            alive = os.open(folder / _ALIVE, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:  # killed before it could hold a lock, or removed at this moment
            shutil.rmtree(folder, ignore_errors=True)
            continue
        try:
            fcntl.flock(alive, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
        except BlockingIOError:
            pass
        finally:
            os.close(alive)
