"""Folder: OUT as a build takes it over: alone, and without what is not planned."""

import fcntl
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from posebeam.models.private import make_private
from posebeam.pipelines import manifest as manifests
from posebeam.pipelines.coco.results import FILE as RESULTS
from posebeam.pipelines.plan import FILE as PLAN
from posebeam.pipelines.plan import Plan
from posebeam.pipelines.products import FOLDERS
from posebeam.pipelines.publish import WORK
from posebeam.pipelines.stores.mirror import remove
from posebeam.transforms.errors import PlanError

_FILES = (manifests.FILE, RESULTS, "README.md", "run.json", PLAN)  # the plan last: it says that they are ours
_SUFFIXES = {"_shards": ".json"} | dict.fromkeys(FOLDERS, ".parquet")


@contextmanager
def alone(out: Path) -> Iterator[None]:
    """One driver a folder, and rubbish of a run that was killed is removed first, ours at the end.

    Drivers of one machine see each other. Two machines that build into one folder of a store do not: if they build
    the same, each writes what the other writes; if not, the plan of the first stops the second.
    """
    work = make_private(out / WORK)
    with (work / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise PlanError(f"another build is writing to {out}: wait for it or take another folder") from error
        for path in work.iterdir():
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
        try:
            yield
        finally:
            shutil.rmtree(work, ignore_errors=True)
            if not any(out.iterdir()):
                out.rmdir()


def clear(out: Path, files: Mapping[str, int]) -> dict[str, int]:
    """Remove what posebeam wrote into OUT, and nothing else: without a plan nothing in it is posebeam's.

    files are those that OUT holds (stores/held.py); returns what is left of them. PlanError, before anything is
    gone, if something else lies among the shards.
    """
    if PLAN not in files:
        return dict(files)
    shards = [PurePosixPath(name) for name in files if name.partition("/")[0] in _SUFFIXES]
    for shard in shards:
        if shard.suffix not in _SUFFIXES.values() or len(shard.parts) != 2:
            folder = out / shard.parts[0]
            raise PlanError(f"{out / shard} is not posebeam's, so {folder} is not replaced: move it away first")
    ours = [*map(str, shards), *(name for name in _FILES if name in files)]
    for name in ours:
        remove(out / name)
    for name in _SUFFIXES:
        shutil.rmtree(out / name, ignore_errors=True)
    return {name: size for name, size in files.items() if name not in set(ours)}


def remove_strangers(plan: Plan, out: Path, files: Mapping[str, int]) -> None:
    """Remove shards of an earlier plan with other numbers, so that no reader takes them in."""
    ours = {name.receipt for name in plan.shards}
    ours |= {name.file(product) for name in plan.shards for product in FOLDERS}
    for name in files.keys() - ours:
        if PurePosixPath(name).suffix == _SUFFIXES.get(name.partition("/")[0]):
            remove(out / name)
