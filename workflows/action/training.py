"""Training: a data set to a run folder, with lightning."""

import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import lightning
import torch
from lightning.pytorch.utilities import rank_zero_only
from torch import nn

from posebeam.transforms.errors import DataError
from posebeam.workflows.action.act_recipes import MONITORS
from posebeam.workflows.action.evaluation import score_part
from posebeam.workflows.action.kind import Kind
from posebeam.workflows.action.kinds import kind_of
from posebeam.workflows.action.samples import Division, EpochOrder, Reader, Samples, loader
from posebeam.workflows.action.trained import Trained
from posebeam.workflows.run_folder import begin, write_record, write_weights
from posebeam.workflows.trainer import Loop, fit, weights_of

if TYPE_CHECKING:
    from posebeam.workflows.commands.train import TrainConfig


def train(
    out: Path, run: Path, config: "TrainConfig", resume: bool = False, overwrite: bool = False
) -> dict[str, Any]:
    """Train on the windows of OUT, or its features, into the folder RUN; return its record, run.json.

    With resume an interrupted run goes on where its last epoch ended, and a finished one is left as it is. With
    overwrite a run that RUN holds is replaced, once nothing refuses the new one. DataError if OUT is unfinished;
    ConfigError if RUN holds a run and neither is said, or resume finds one of other settings.
    """
    kind = kind_of(config.model)
    chosen, reader = kind.recipe(config), kind.read(out)
    if len(reader.classes) < 2:
        raise DataError(f"{out} holds one class, {reader.classes[0]}: a model tells two or more apart")
    division = kind.divide(reader, config, chosen)
    record = _record(config, chosen, reader, division)
    torch.manual_seed(config.seed)
    network = kind.build(record)
    record["parameters"] = sum(p.numel() for p in network.parameters())
    if rank_zero_only.rank == 0:
        old = begin(run, record, resume, overwrite)
        if old["state"] == "finished":
            return old
    began = time.monotonic()
    trainer, epoch = _fit(kind, network, reader, division, chosen, config, run)
    if not trainer.is_global_zero:
        return record
    write_weights(network, run)
    record |= {"state": "finished", "epochs": trainer.current_epoch, "epoch": epoch}
    record["seconds"] = round(time.monotonic() - began, 1)
    record["validation"] = None
    if len(division.validation):
        kept = Trained(run, record, network.cpu().eval(), torch.device("cpu"))
        record["validation"] = score_part(kept, reader, "validation").summary()
    write_record(record, run)
    return record


def _record(config: "TrainConfig", chosen: Any, reader: Reader, division: Division) -> dict[str, Any]:
    """What is known before training; a run that is resumed must say the same."""
    return {
        "state": "training",
        "model": config.model,
        "recipe": asdict(chosen),
        "split": config.split,
        "seed": config.seed,
        "precision": config.precision,
        "classes": list(reader.classes),
        "data": reader.config,
        "manifest_sha256": reader.digest,
        "windows": {"train": len(division.train), "validation": len(division.validation)},
        "validation_groups": list(division.groups),
        **({"validation_clips": list(division.clips)} if division.clips else {}),
    }


def _fit(
    kind: Kind, network: nn.Module, reader: Reader, division: Division, chosen: Any, config: "TrainConfig",
    run: Path,
) -> tuple[lightning.Trainer, int]:  # fmt: skip
    """Train the network in place, and leave in it the weights of the epoch to keep; also return that epoch."""
    trains, validates = Samples(reader, division.train), Samples(reader, division.validation)
    trainer, kept = fit(
        kind.module(network, chosen, reader, division, len(validates.clips), config.seed),
        run,
        _loop(chosen, config, bool(len(validates))),
        loader(trains, chosen.batch, EpochOrder(trains, config.seed)),
        loader(validates, 512) if len(validates) else None,
    )
    network.load_state_dict(weights_of(kept))
    return trainer, int(kept["epoch"]) + 1


def _loop(chosen: Any, config: "TrainConfig", validates: bool) -> Loop:
    return Loop(
        chosen.epochs,
        monitor=chosen.monitor if validates else "",
        mode=MONITORS[chosen.monitor],
        patience=chosen.patience,
        clip_norm=chosen.clip_norm,
        device=config.device,
        devices=config.devices,
        precision=config.precision,
    )
