"""ActModule: AcT under training, as lightning wants it."""

from typing import Any

import lightning
import numpy as np
import torch
import torchmetrics
from torch import Tensor
from torch.nn import functional as F
from torchmetrics.classification import MulticlassAccuracy

from posebeam.models.networks.act import AcT
from posebeam.transforms.chain import chain
from posebeam.transforms.layout import layout
from posebeam.workflows.act_data import Batch
from posebeam.workflows.optimiser import make_optimiser
from posebeam.workflows.recipes import Recipe


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


class ActModule(lightning.LightningModule):
    """Trains a network by a recipe; validation logs val_loss, val_window_accuracy and val_clip_accuracy.

    Chance hangs on seed and step alone, so that a resumed run ends where an undisturbed one does.
    """

    def __init__(
        self, network: AcT, recipe: Recipe, *, chain_name: str, layout_name: str, classes: int,
        validation_clips: int, nominal_steps: int, seed: int,
    ):  # fmt: skip
        super().__init__()
        self.network = network
        self.recipe = recipe
        self.chain, self.layout = chain(chain_name), layout(layout_name)
        self.nominal_steps = nominal_steps
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
        if not self.trainer.training:
            return batch
        rng = np.random.default_rng(self._chance())
        x, valid = self.recipe.augmentation(batch.x.numpy(), batch.valid.numpy(), self.chain, self.layout, rng)
        return batch._replace(x=torch.from_numpy(x), valid=torch.from_numpy(valid))

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Cross-entropy with label smoothing."""
        logits = self.network(batch.x)
        loss = F.cross_entropy(logits, batch.label, label_smoothing=self.recipe.smoothing)
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
        """The recipe's, with a new rate for every update."""
        optimiser, schedule = make_optimiser(
            self.network,
            self.recipe,
            width=self.network.position.shape[1],
            steps=int(self.trainer.estimated_stepping_batches),
            nominal_steps=self.nominal_steps,
        )
        return {"optimizer": optimiser, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}
