"""Training: a data set to a run folder, with lightning."""

import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import lightning
import torch
from lightning.pytorch.utilities import rank_zero_only

from posebeam.models.networks.act import AcT
from posebeam.pipelines.read import WindowReader
from posebeam.workflows.act_data import Division, EpochOrder, WindowSet, divide, loader
from posebeam.workflows.act_module import ActModule
from posebeam.workflows.evaluation import score_part
from posebeam.workflows.recipes import MONITORS, Recipe, recipe
from posebeam.workflows.run_folder import begin, write_record, write_weights
from posebeam.workflows.trained import Trained, build_model
from posebeam.workflows.trainer import Loop, fit, weights_of

if TYPE_CHECKING:
    from posebeam.workflows.commands.train import TrainConfig


def train(out: Path, run: Path, config: "TrainConfig", resume: bool = False) -> dict[str, Any]:
    """Train on the windows of OUT into the folder RUN; return its record, run.json.

    With resume an interrupted run goes on where its last epoch ended, and a finished one is left as it is.
    DataError if OUT is unfinished; ConfigError if RUN holds a run, or resume finds one of other settings.
    """
    reader = WindowReader(out)
    division = divide(reader, config.split, config.val_part, config.seed)
    chosen = _recipe(config)
    torch.manual_seed(config.seed)
    network = build_model(config.model, len(reader.classes), reader.made.window)
    set_dropout(network, chosen.dropout)
    record = _record(config, chosen, reader, division, network)
    if rank_zero_only.rank == 0:
        old = begin(run, record, resume)
        if old["state"] == "finished":
            return old
    began = time.monotonic()
    trainer, epoch = _fit(network, reader, division, chosen, config, run)
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


def _recipe(config: "TrainConfig") -> Recipe:
    chosen = recipe(config.recipe)
    return replace(chosen, epochs=config.epochs or chosen.epochs, batch=config.batch_size or chosen.batch)


def set_dropout(network: AcT, chance: float) -> None:
    """Give all dropout layers this chance; below 0 they keep their own."""
    for part in network.modules():
        if isinstance(part, torch.nn.Dropout) and chance >= 0:
            part.p = chance


def _record(
    config: "TrainConfig", chosen: Recipe, reader: WindowReader, division: Division, network: AcT
) -> dict[str, Any]:
    """What is known before training; a run that is resumed must say the same."""
    return {
        "state": "training",
        "model": config.model,
        "parameters": sum(p.numel() for p in network.parameters()),
        "recipe": asdict(chosen),
        "split": config.split,
        "seed": config.seed,
        "classes": list(reader.classes),
        "data": reader.config,
        "manifest_sha256": reader.digest,
        "windows": {"train": len(division.train), "validation": len(division.validation)},
        "validation_groups": list(division.groups),
    }


def _fit(
    network: AcT, reader: WindowReader, division: Division, chosen: Recipe, config: "TrainConfig", run: Path
) -> tuple[lightning.Trainer, int]:
    """Train the network in place, and leave in it the weights of the epoch to keep; also return that epoch."""
    trains, validates = WindowSet(reader, division.train), WindowSet(reader, division.validation)
    module = ActModule(
        network, chosen, chain_name=reader.made.chain, layout_name=reader.made.layout,
        classes=len(reader.classes), validation_clips=len(validates.clips), seed=config.seed,
        nominal_steps=-(-(len(trains) + len(validates)) // chosen.batch) * chosen.epochs,
    )  # fmt: skip
    trainer, kept = fit(
        module,
        run,
        _loop(chosen, config, bool(len(validates))),
        loader(trains, chosen.batch, EpochOrder(trains, config.seed)),
        loader(validates, 512) if len(validates) else None,
    )
    network.load_state_dict(weights_of(kept))
    return trainer, int(kept["epoch"]) + 1


def _loop(chosen: Recipe, config: "TrainConfig", validates: bool) -> Loop:
    return Loop(
        chosen.epochs,
        monitor=chosen.monitor if validates else "",
        mode=MONITORS[chosen.monitor],
        patience=chosen.patience,
        clip_norm=chosen.clip_norm,
        device=config.device,
        devices=config.devices,
    )
