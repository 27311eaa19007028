"""ActionModule: an action model under training, as lightning wants it."""

from collections.abc import Callable
from typing import Any

import lightning
import numpy as np
import torch
import torchmetrics
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler
from torchmetrics.classification import MulticlassAccuracy

from posebeam.workflows.action.samples import Batch

Augment = Callable[[Batch, np.random.Generator], Batch]
# The optimiser of a network that is updated so many times, and its schedule, one step an update.
Optimise = Callable[[nn.Module, int], tuple[Optimizer, LRScheduler]]


class ClipAccuracy(torchmetrics.Metric):
    """Share of clips whose largest mean probability, over their windows, is their label's."""

    def __init__(self, clips: int, classes: int):
        super().__init__()
        self.add_state("sums", torch.zeros(clips, classes), dist_reduce_fx="sum")
        self.add_state("label", torch.full((clips,), -1), dist_reduce_fx="max")

    def update(self, logits: Tensor, label: Tensor, clip: Tensor) -> None:
        """logits [B, classes], label [B] and clip [B] of windows."""
        self.sums.index_add_(0, clip, logits.softmax(-1).to(self.sums.dtype))
        self.label[clip] = label

    def compute(self) -> Tensor:
        """Over the clips that were met."""
        met = self.label >= 0
        return (self.sums.argmax(-1) == self.label)[met].float().mean()


class ActionModule(lightning.LightningModule):
    """Trains a network by cross-entropy; validation logs val_loss, val_window_accuracy and val_clip_accuracy.

    augment changes training batches before they go to the device. Chance hangs on seed and step alone, so that a
    resumed run ends where an undisturbed one does.
    """

    def __init__(
        self, network: nn.Module, optimise: Optimise, *, classes: int, validation_clips: int, seed: int,
        smoothing: float = 0.0, augment: Augment | None = None,
    ):  # fmt: skip
        super().__init__()
        self.network = network
        self.optimise, self.augment = optimise, augment
        self.smoothing = smoothing
        self.seed = seed
        self.train_accuracy = MulticlassAccuracy(classes, average="micro")
        self.window_accuracy = MulticlassAccuracy(classes, average="micro")
        self.clip_accuracy = ClipAccuracy(max(1, validation_clips), classes)

    def on_train_batch_start(self, batch: Batch, batch_idx: int) -> None:
        """Dropout's chance; loaders draw from torch's generator as well, and not the same in a resumed run."""
        torch.manual_seed(int(np.random.SeedSequence(self._chance()).generate_state(1)[0]))

    def _chance(self) -> tuple[int, int, int]:
        return self.seed, self.global_step, self.global_rank

    def on_before_batch_transfer(self, batch: Batch, dataloader_idx: int) -> Batch:
        """Training batches are augmented before they go to the device."""
        if not self.trainer.training or self.augment is None:
            return batch
        return self.augment(batch, np.random.default_rng(self._chance()))

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Cross-entropy with label smoothing."""
        logits = self.network(batch.x)
        loss = F.cross_entropy(logits, batch.label, label_smoothing=self.smoothing)
        self.train_accuracy(logits, batch.label)
        self.log("train_loss", loss, on_step=False, on_epoch=True, batch_size=len(batch.label), sync_dist=True)
        self.log("train_accuracy", self.train_accuracy, on_step=False, on_epoch=True)
        return loss

    def on_train_epoch_end(self) -> None:
        """The rate with which the epoch ended."""
        self.log("rate", self.optimizers().param_groups[0]["lr"], sync_dist=True)

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Loss without smoothing, and accuracies."""
        logits = self.network(batch.x)
        loss = F.cross_entropy(logits, batch.label)
        self.window_accuracy(logits, batch.label)
        self.clip_accuracy.update(logits, batch.label, batch.clip)
        self.log("val_loss", loss, batch_size=len(batch.label), sync_dist=True)
        self.log("val_window_accuracy", self.window_accuracy)
        self.log("val_clip_accuracy", self.clip_accuracy)

    def configure_optimizers(self) -> Any:
        """With a new rate for every update."""
        optimiser, schedule = self.optimise(self.network, int(self.trainer.estimated_stepping_batches))
        return {"optimizer": optimiser, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}
