"""RunFolder: what every training keeps of itself: run.json, the weights, checkpoints and logs."""

import fcntl
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from lightning.pytorch.utilities import rank_zero_only
from safetensors.torch import save_file
from torch import nn

from posebeam.models.run_row import FILE as BACKBONE
from posebeam.pipelines.json_value import read_json
from posebeam.pipelines.manifest import FILE as MANIFEST
from posebeam.pipelines.plan import FILE as PLAN
from posebeam.pipelines.publish import WORK, publish, publish_json, workspace
from posebeam.pipelines.settings import differences
from posebeam.transforms.errors import ConfigError, DataError

RECORD, WEIGHTS = "run.json", "model.safetensors"
SETTINGS = ("train.toml", "train-pose.toml", "pretrain.toml")  # the resolved flags of the command that made it
EVALUATION = "evaluation"  # what was measured of the finished model, a JSON file each
LAST = Path("checkpoints", "last.ckpt")
_FOLDERS = ("checkpoints", "logs", EVALUATION, WORK)
_FILES = (WEIGHTS, BACKBONE, *SETTINGS, RECORD)


def read_record(folder: Path) -> dict[str, Any]:
    """run.json, of a run that may be unfinished; DataError if there is none."""
    path = folder / RECORD
    if not path.is_file():
        raise DataError(f"{folder} holds no {RECORD}: it is no run folder; posebeam train OUT {folder} makes one")
    try:
        record = dict(read_json(path))
    except (OSError, TypeError, ValueError) as error:
        raise DataError(f"{path} is damaged: {error}") from error
    if "state" not in record:
        what = (
            "a data set" if any((folder / name).is_file() for name in (PLAN, MANIFEST)) else "of another program"
        )
        raise DataError(f"{folder} is {what}, expected a run folder; posebeam train OUT RUN makes one")
    return record


def write_record(record: Mapping[str, Any], folder: Path) -> None:
    """Publish run.json."""
    publish_json(dict(record), folder, RECORD)


def write_weights(network: nn.Module, folder: Path) -> None:
    """Publish the network's tensors."""
    with workspace(folder) as private:
        save_file({name: value.contiguous() for name, value in network.state_dict().items()}, private / WEIGHTS)
        publish(private / WEIGHTS, folder / WEIGHTS)


def begin(
    run: Path, record: dict[str, Any], resume: bool, overwrite: bool = False, needs: Iterable[str] = ()
) -> dict[str, Any]:
    """The record that stands in RUN now: a new one, or the one that is gone on with.

    With overwrite the run that RUN held is gone then, so whatever may refuse the new one is asked before. needs
    are files and folders that training starts from, now and when it is resumed; "" is none. ConfigError if RUN
    holds a run and neither is said, resume finds one of other settings, or overwrite would remove a need.
    """
    _require_one(resume, overwrite)
    if not (run / RECORD).exists():
        write_record(record, run)
        return record
    old = read_record(run)
    if overwrite:
        _require_kept(run, needs)
        clear(run)
        write_record(record, run)
        return record
    if not resume:
        raise ConfigError(f"{run} holds a run ({old['state']}): --resume goes on with it, --overwrite replaces it")
    new = {name: value for name, value in record.items() if name != "state"}
    if changed := differences({name: old.get(name) for name in new}, new):
        raise ConfigError(f"{run} was begun with other settings:\n  " + "\n  ".join(changed))
    return old


def _require_one(resume: bool, overwrite: bool) -> None:
    if resume and overwrite:
        raise ConfigError("--resume goes on with the run in RUN, --overwrite replaces it: give one of them")


def _require_kept(run: Path, needs: Iterable[str]) -> None:
    """ConfigError if clear() would remove one of them."""
    home = run.resolve()
    for name in filter(None, needs):
        path = Path(name).resolve()
        if path == home or any(path.is_relative_to(home / own) for own in (*_FOLDERS, *_FILES)):
            raise ConfigError(
                f"--overwrite would remove {name}, which this training starts from: take another folder than {run}"
            )


@contextmanager
def taken(run: Path, resume: bool = False, overwrite: bool = False) -> Iterator[None]:
    """RUN while a training has it, alone: a new folder, or one that holds a run, which is left to begin().

    DataError or ConfigError if it holds something else, another training has it, or both resume and overwrite are
    said. Helpers of a training on several devices come in beside it.
    """
    _require_one(resume, overwrite)
    if rank_zero_only.rank != 0:
        yield
        return
    _require_ours(run)
    run.mkdir(parents=True, exist_ok=True)
    handle = os.open(run, os.O_RDONLY)
    try:
        _lock(handle, run)
        yield
    finally:
        os.close(handle)
        with suppress(OSError):  # nothing came of it
            run.rmdir()


def _require_ours(run: Path) -> None:
    if (run / RECORD).exists():
        read_record(run)
    elif run.is_dir() and any(entry.name != WORK for entry in run.iterdir()):
        raise ConfigError(f"{run} holds files but no {RECORD}: it is no run of posebeam; take another folder")


def _lock(handle: int, run: Path) -> None:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise DataError(f"another training is writing to {run}: wait for it or take another folder") from error


def clear(run: Path) -> None:
    """Remove what a training wrote to RUN, and what was measured of it: figures of another model would mislead."""
    for name in _FOLDERS:
        shutil.rmtree(run / name, ignore_errors=True)
    for name in _FILES:  # the record last: without it nobody could tell that the rest is a run's
        (run / name).unlink(missing_ok=True)
