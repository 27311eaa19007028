"""Held: what lies in the folder of a data set, here or in an object store."""

import os
from collections.abc import Iterator
from pathlib import Path

from posebeam.pipelines.stores.address import uri_of
from posebeam.pipelines.stores.mirror import Watch, bring, entries_below

WORK = "_tmp"  # unfinished files below OUT: not part of a data set
RECORDS = ("plan.json", "manifest.json", "run.json", "README.md", "_shards")
EVERYTHING = ("",)


def held(out: Path, *products: str, watch: Watch | None = None) -> dict[str, int]:
    """The bytes of every file of a data set, by its path relative to OUT; {} if there is none.

    A data set in a store costs a request for each thousand files, and its RECORDS are then here as they are there,
    with the products that are named (EVERYTHING for all): below the path that stands for it, so that whoever reads
    it reads files. Only what is not here is fetched. The disk must hold what is named; nothing of it is removed
    but what is gone from the store. watch: as bring() has it.
    """
    if not uri_of(out):
        return dict(_walked(out))
    entries = {name: entry for name, entry in entries_below(out) if _first(name) != WORK}
    for name in dict(_walked(out)).keys() - entries.keys():
        (out / name).unlink(missing_ok=True)
    wanted = (name for name in entries if products == EVERYTHING or _first(name) in (*RECORDS, *products))
    bring(((out / name, entries[name]) for name in wanted), watch)
    return {name: entry.size for name, entry in entries.items()}


def _first(name: str) -> str:
    return name.partition("/")[0]


def _walked(out: Path) -> Iterator[tuple[str, int]]:
    """Files with their bytes; what vanishes meanwhile or points nowhere has none."""
    for folder, folders, names in os.walk(out):
        if Path(folder) == out and WORK in folders:
            folders.remove(WORK)
        for name in names:
            path = Path(folder) / name
            yield path.relative_to(out).as_posix(), path.stat().st_size if path.is_file() else 0
