"""Trainer: lightning's, with the habits of every training here: checkpoints, logs, lines, resuming."""

import logging
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightning
import torch
from lightning.pytorch.callbacks import Callback, EarlyStopping, ModelCheckpoint
from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger
from lightning.pytorch.utilities.exceptions import MisconfigurationException
from torch import Tensor

from posebeam.models.device import choose_device
from posebeam.transforms.errors import ConfigError
from posebeam.workflows.console import say
from posebeam.workflows.run_folder import LAST

_LINES = 20  # lines of progress at most
# What lightning warns of and is meant so here.
_CHATTER = (
    "does not have many workers",
    "exists and is not empty",
    "have no `val_dataloader`",
    "isinstance.treespec, LeafSpec",
)


@dataclass(frozen=True)
class Loop:
    """How long training goes on, and which epoch of it is kept.

    monitor    the figure whose best epoch is kept, by `mode` max or min; "": the last epoch is
    patience   epochs without a better monitor before training stops; 0: never
    clip_norm  gradients' norm at most; 0: as it is
    device     auto, cpu or cuda; devices, precision: lightning's own words
    """

    epochs: int
    monitor: str = ""
    mode: str = "max"
    patience: int = 0
    clip_norm: float = 0.0
    device: str = "auto"
    devices: str | int = "auto"
    precision: Any = "32-true"


def require_device(device: str, devices: int) -> None:
    """ConfigError unless lightning can train on that many of it here; asked before RUN is touched."""
    if device == "cuda":
        choose_device(device)  # says it in a sentence
    _quiet()
    try:
        lightning.Trainer(
            accelerator=device, devices=devices, logger=False, enable_checkpointing=False,
            enable_progress_bar=False, enable_model_summary=False,
        )  # fmt: skip
    except (MisconfigurationException, ValueError) as error:
        told = " ".join(str(error).split())
        raise ConfigError(f"--device {device} --devices {devices}: lightning has none here: {told}") from error


def _quiet() -> None:
    """lightning says only what concerns a user."""
    for name in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.ERROR)
    for text in _CHATTER:
        warnings.filterwarnings("ignore", message=f".*{text}")


class EpochLines(Callback):
    """Says how training goes, a line every few epochs."""

    def on_train_epoch_end(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        """One line."""
        epoch, epochs = trainer.current_epoch + 1, trainer.max_epochs or 1
        if trainer.is_global_zero and (epoch % -(-epochs // _LINES) == 0 or epoch == epochs):
            figures = {name: float(value) for name, value in trainer.callback_metrics.items()}
            say(f"epoch {epoch}/{epochs}  " + "  ".join(f"{k} {v:.4g}" for k, v in sorted(figures.items())))


class NextEpoch(Callback):
    """Tells the order of samples which epoch a resumed run goes on with.

    Lightning does so as well, but only after the processes of a loader have asked for their first samples.
    """

    def __init__(self, order: Any):
        self._order = order

    def on_load_checkpoint(
        self, trainer: lightning.Trainer, module: lightning.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """The one after the checkpoint's."""
        self._order.set_epoch(int(checkpoint["epoch"]) + 1)


class KeptEpoch(ModelCheckpoint):
    """Saves the epoch to keep, and knows it again where the run's folder was moved or renamed.

    lightning's own holds whole paths against each other, and forgets which epoch was the best where they differ.
    """

    @property
    def state_key(self) -> str:
        """The name of its state in a checkpoint: lightning's own, by which runs of before have it."""
        return super().state_key.replace(type(self).__qualname__, ModelCheckpoint.__qualname__, 1)

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """The state of a checkpoint, whose files lie in the folder that the run has now."""
        folder = Path(self.dirpath or "")

        def here(path: str) -> str:
            return str(folder / Path(path).name) if path else ""

        paths = ("best_model_path", "kth_best_model_path", "last_model_path")
        moved: dict[str, Any] = {name: here(state_dict[name]) for name in paths}
        moved["best_k_models"] = {here(path): score for path, score in state_dict["best_k_models"].items()}
        super().load_state_dict({**state_dict, **moved, "dirpath": self.dirpath})


def fit(
    module: lightning.LightningModule, run: Path, loop: Loop, trains: Any, validates: Any = None
) -> tuple[lightning.Trainer, dict[str, Any]]:
    """Train from the last finished epoch of RUN on; return the trainer and the checkpoint to keep.

    That is the best by the loop's monitor, or the last without one. trains and validates are loaders, the first
    with a sampler that is told the epoch.
    """
    trainer, best = _trainer(run, loop, NextEpoch(trains.sampler))
    last = run / LAST
    try:
        trainer.fit(module, trains, validates, ckpt_path=last if last.exists() else None, weights_only=True)
    except SystemExit:  # what lightning makes of Ctrl-C
        say(f"{run}: the epochs so far are kept; --resume goes on")
        raise KeyboardInterrupt from None
    kept: dict[str, Any] = torch.load(best.best_model_path or last, map_location="cpu", weights_only=True)
    return trainer, kept


def weights_of(checkpoint: dict[str, Any], part: str = "network") -> dict[str, Tensor]:
    """The tensors of one part of the module, by their names within it."""
    start = f"{part}."
    return {k.removeprefix(start): v for k, v in checkpoint["state_dict"].items() if k.startswith(start)}


def _trainer(run: Path, loop: Loop, *more: Callback) -> tuple[lightning.Trainer, ModelCheckpoint]:
    """lightning's trainer, and the checkpoint to keep."""
    _quiet()
    saved: dict[str, Any] = {
        "dirpath": (run / LAST).parent,
        "enable_version_counter": False,
        "save_on_train_epoch_end": True,  # after validation the epoch would count as unfinished
    }
    last = best = KeptEpoch(filename=LAST.stem, **saved)
    if loop.monitor:
        best = KeptEpoch(filename="best", monitor=loop.monitor, mode=loop.mode, **saved)
    callbacks: list[Callback] = [EpochLines(), *more, *dict.fromkeys((best, last))]
    if loop.monitor and loop.patience:
        callbacks.append(EarlyStopping(loop.monitor, patience=loop.patience, mode=loop.mode))
    # Each start has logs of its own: the CSV logger would empty those of the start before.
    start = len(list((run / "logs").glob("*")))
    trainer = lightning.Trainer(
        accelerator=loop.device,
        devices=loop.devices,
        precision=loop.precision,
        max_epochs=loop.epochs,
        gradient_clip_val=loop.clip_norm or None,
        callbacks=callbacks,
        logger=[kind(run, name="logs", version=start) for kind in (CSVLogger, TensorBoardLogger)],
        log_every_n_steps=1,
        num_sanity_val_steps=0,
        enable_model_summary=False,
        enable_progress_bar=False,
        default_root_dir=run,
    )
    return trainer, best
