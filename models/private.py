"""Private: a folder for an unfinished file that nobody else on the machine may look into."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

_MODE = 0o700
_NAMED = 40  # letters of the file's name in the folder's, for whoever finds what a killed process left


@contextmanager
def private_beside(final: Path) -> Iterator[Path]:
    """A path of the same name in a hidden folder beside `final`, on its file system, so that it can be moved there
    in one step. The folder goes with all that is left in it; `final.parent` is made if it is not there.
    """
    final.parent.mkdir(parents=True, exist_ok=True)
    folder = final.with_name(f".{final.stem[:_NAMED]}.{uuid4().hex}")
    folder.mkdir(mode=_MODE)
    try:
        yield folder / final.name
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def make_private(folder: Path) -> Path:
    """The folder itself, made for its owner alone if it is not there; its parents are made as usual."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.mkdir(mode=_MODE, exist_ok=True)
    return folder
