"""Training: a data set to a run folder, with lightning."""

import logging
import shutil
import time
import warnings
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import lightning
import torch
from lightning.pytorch.callbacks import Callback, EarlyStopping, ModelCheckpoint
from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger
from lightning.pytorch.utilities import rank_zero_only

from posebeam.models.networks.act import AcT
from posebeam.pipelines.publish import WORK
from posebeam.pipelines.read import WindowReader
from posebeam.pipelines.settings import differences
from posebeam.transforms.errors import ConfigError
from posebeam.workflows.act_data import Division, EpochOrder, WindowSet, divide, loader
from posebeam.workflows.act_module import ActModule
from posebeam.workflows.console import say
from posebeam.workflows.evaluation import score_part
from posebeam.workflows.recipes import MONITORS, Recipe, recipe
from posebeam.workflows.trained import (
    RECORD,
    WEIGHTS,
    Trained,
    build_model,
    read_record,
    write_record,
    write_weights,
)

if TYPE_CHECKING:
    from posebeam.workflows.commands.train import TrainConfig

_LINES = 20  # lines of progress at most
# What lightning warns of and is meant so here.
_CHATTER = (
    "does not have many workers",
    "exists and is not empty",
    "have no `val_dataloader`",
    "isinstance.treespec, LeafSpec",
)


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
        old = _begin(run, record, resume)
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


def _begin(run: Path, record: dict[str, Any], resume: bool) -> dict[str, Any]:
    """The record that stands in RUN now: a new one, or the one that is gone on with."""
    if not (run / RECORD).exists():
        write_record(record, run)
        return record
    old = read_record(run)
    if not resume:
        raise ConfigError(f"{run} holds a run ({old['state']}): --resume goes on with it, --overwrite replaces it")
    new = {name: value for name, value in record.items() if name != "state"}
    if changed := differences({name: old.get(name) for name in new}, new):
        raise ConfigError(f"{run} was begun with other settings:\n  " + "\n  ".join(changed))
    return old


def clear(run: Path) -> None:
    """Remove what train wrote to RUN."""
    for name in (RECORD, WEIGHTS):
        (run / name).unlink(missing_ok=True)
    for name in ("checkpoints", "logs", WORK):
        shutil.rmtree(run / name, ignore_errors=True)


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
    trainer, best = _trainer(chosen, config, run, bool(len(validates)))
    last = run / "checkpoints" / "last.ckpt"
    try:
        trainer.fit(
            module,
            loader(trains, chosen.batch, EpochOrder(trains, config.seed)),
            loader(validates, 512) if len(validates) else None,
            ckpt_path=last if last.exists() else None,
            weights_only=True,
        )
    except SystemExit:  # what lightning makes of Ctrl-C
        say(f"{run}: the epochs so far are kept; --resume goes on")
        raise KeyboardInterrupt from None
    kept = torch.load(best.best_model_path or last, map_location="cpu", weights_only=True)
    weights = {k.removeprefix("network."): v for k, v in kept["state_dict"].items() if k.startswith("network.")}
    network.load_state_dict(weights)
    return trainer, int(kept["epoch"]) + 1


class EpochLines(Callback):
    """Says how training goes, a line every few epochs."""

    def on_train_epoch_end(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        """One line."""
        epoch, epochs = trainer.current_epoch + 1, trainer.max_epochs or 1
        if trainer.is_global_zero and (epoch % -(-epochs // _LINES) == 0 or epoch == epochs):
            figures = {name: float(value) for name, value in trainer.callback_metrics.items()}
            say(f"epoch {epoch}/{epochs}  " + "  ".join(f"{k} {v:.4g}" for k, v in sorted(figures.items())))


def _trainer(
    chosen: Recipe, config: "TrainConfig", run: Path, validates: bool
) -> tuple[lightning.Trainer, ModelCheckpoint]:
    """lightning's trainer, and the checkpoint to keep: the best by validation, or the last without one."""
    for name in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.ERROR)
    for text in _CHATTER:
        warnings.filterwarnings("ignore", message=f".*{text}")
    mode = MONITORS[chosen.monitor]
    saved: dict[str, Any] = {
        "dirpath": run / "checkpoints",
        "enable_version_counter": False,
        "save_on_train_epoch_end": True,  # after validation the epoch would count as unfinished
    }
    last = ModelCheckpoint(filename="last", **saved)
    best = ModelCheckpoint(filename="best", monitor=chosen.monitor, mode=mode, **saved) if validates else last
    callbacks: list[Callback] = [EpochLines(), *dict.fromkeys((best, last))]
    if validates and chosen.patience:
        callbacks.append(EarlyStopping(chosen.monitor, patience=chosen.patience, mode=mode))
    # Each start has logs of its own: the CSV logger would empty those of the start before.
    start = len(list((run / "logs").glob("*")))
    trainer = lightning.Trainer(
        accelerator=config.device,
        devices=config.devices,
        max_epochs=chosen.epochs,
        gradient_clip_val=chosen.clip_norm or None,
        callbacks=callbacks,
        logger=[kind(run, name="logs", version=start) for kind in (CSVLogger, TensorBoardLogger)],
        log_every_n_steps=1,
        num_sanity_val_steps=0,
        enable_model_summary=False,
        enable_progress_bar=False,
        default_root_dir=run,
    )
    return trainer, best
