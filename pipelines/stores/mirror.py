"""Mirror: objects as files on this machine, fetched where they are not as they are in the store."""

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from hashlib import blake2b
from itertools import accumulate
from pathlib import Path

from posebeam.pipelines.stores.address import is_name, uri_of
from posebeam.pipelines.stores.scratch import scratch
from posebeam.pipelines.stores.store import Entry, asked, split

Watch = Callable[[int, int], None]

_AT_ONCE = 10  # objects that are fetched side by side: what a client keeps connections for


def entry_of(path: Path) -> Entry | None:
    """The object that a path stands for, None if there is none: one request. FileNotFoundError if its bucket is
    none."""
    with asked(uri_of(path)) as (store, bucket, name):
        first = next(iter(store.entries(bucket, name)), None)  # of all names that begin so, it is the first
        return first if first is not None and first.name == name else None


def has_entries(folder: Path) -> bool:
    """Whether any object lies below a folder: one request."""
    with asked(f"{uri_of(folder)}/") as (store, bucket, prefix):
        return next(iter(store.entries(bucket, prefix)), None) is not None


def entries_below(folder: Path) -> Iterator[tuple[str, Entry]]:
    """Every object below a folder, with its name relative to it: a request for each thousand.

    Objects that no file can be called are left out; so are those that stand for folders, as consoles make them.
    """
    uri = uri_of(folder)
    _, _, name = split(uri)
    prefix = f"{name}/" if name else ""
    with asked(uri) as (store, bucket, _):
        found = list(store.entries(bucket, prefix))
    for entry in found:
        relative = entry.name[len(prefix) :]
        if all(is_name(part) for part in relative.split("/")):
            yield relative, entry


def bring(wanted: Iterable[tuple[Path, Entry]], watch: Watch | None = None) -> None:
    """Fetch the objects that are not at their paths yet, or were others when they were fetched.

    watch is told the bytes that are here, and those there will be, of what is fetched.
    """
    stale = [(path, entry) for path, entry in wanted if not _is_here(path, entry)]
    sizes = [entry.size for _, entry in stale]
    total = sum(sizes)
    if stale:
        with scratch() as folder, ThreadPoolExecutor(_AT_ONCE, "fetch") as pool:
            jobs = [pool.submit(_fetch, folder / str(n), *one) for n, one in enumerate(stale)]
            try:
                for job, done in zip(jobs, accumulate(sizes), strict=True):
                    job.result()
                    if watch is not None:
                        watch(done, total)
            finally:
                pool.shutdown(cancel_futures=True)


def _fetch(part: Path, path: Path, entry: Entry) -> None:
    with part.open("wb") as file, asked(uri_of(path)) as (store, bucket, name):
        store.fetch(bucket, name, file)
    os.utime(part, ns=(_stamp(entry), _stamp(entry)))
    path.parent.mkdir(parents=True, exist_ok=True)
    part.replace(path)


def _is_here(path: Path, entry: Entry) -> bool:
    try:
        status = path.stat()
    except FileNotFoundError:
        return False
    return (status.st_size, status.st_mtime_ns) == (entry.size, _stamp(entry))


def _stamp(entry: Entry) -> int:
    """The copy's time of change, in nanoseconds: a fingerprint of the object's version, and no time.

    So what a file is a copy of is said by the file itself, and no index of many can be wrong about it.
    """
    return int.from_bytes(blake2b(entry.tag.encode(), digest_size=7).digest(), "big")


def present(path: Path) -> Path:
    """The path, with the file there, or the whole folder, if it stands for one in a store; nothing if there is
    none.
    """
    if uri_of(path):
        entry = entry_of(path)
        bring([(path, entry)] if entry else [(path / name, one) for name, one in entries_below(path)])
    return path


def push(finished: Path, final: Path) -> None:
    """Upload a finished file to what `final` stands for. A copy of what stood there before is forgotten."""
    with asked(uri_of(final)) as (store, bucket, name):
        store.upload(bucket, name, finished)
    final.unlink(missing_ok=True)


def remove(path: Path) -> None:
    """Remove a file; one in a store and its copy here. Nothing happens if there is none."""
    if uri := uri_of(path):
        try:
            with asked(uri) as (store, bucket, name):
                store.remove(bucket, name)
        except FileNotFoundError:
            pass
    path.unlink(missing_ok=True)
