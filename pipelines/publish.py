"""publish(): the one function that makes a file visible."""

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import uuid4

from posebeam.models.private import make_private, private_beside
from posebeam.pipelines.stores.address import uri_of
from posebeam.pipelines.stores.held import WORK as WORK
from posebeam.pipelines.stores.mirror import push
from posebeam.pipelines.stores.scratch import scratch


def publish(finished: Path, final: Path) -> None:
    """Move a finished file to its final name in one step: a reader sees the whole file or none.

    Where the name is in an object store the file is uploaded and not kept here.
    """
    if uri_of(final):
        push(finished, final)
        finished.unlink()
        return
    final.parent.mkdir(parents=True, exist_ok=True)
    with finished.open("rb") as file:
        os.fsync(file.fileno())
    finished.replace(final)


@contextmanager
def workspace(out: Path) -> Iterator[Path]:
    """A private folder for unfinished files. Its name is random: a runner may run one shard twice at once."""
    if uri_of(out):
        with scratch() as folder:
            yield folder
        return
    folder = make_private(make_private(out / WORK) / uuid4().hex)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def unfinished(final: Path) -> Iterator[Path]:
    """A private path beside `final`, for a file that lies outside a data set: published when the context ends
    well, removed after an error.
    """
    with private_beside(final) as path:
        yield path
        publish(path, final)


def publish_text(text: str, out: Path, name: str) -> None:
    """Publish a small text under OUT/name."""
    with workspace(out) as folder:
        (folder / "text").write_text(text, encoding="utf-8")
        publish(folder / "text", out / name)


def publish_json(data: Any, out: Path, name: str) -> None:
    """Publish JSON under OUT/name: sorted keys, so equal data are equal bytes."""
    publish_text(json.dumps(data, indent=1, sort_keys=True, ensure_ascii=False) + "\n", out, name)


def file_sha256(path: Path) -> str:
    """sha256 of a file as hex, read in pieces."""
    digest = sha256()
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()
