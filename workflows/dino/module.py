"""DinoModule: student and teacher under training, as lightning wants it."""

from typing import Any

import lightning
import numpy as np
import torch
from torch import Tensor, nn

from posebeam.models.distillation import Learner, clip_each, follow, freeze, parameter_groups
from posebeam.models.losses.dino import GLOBALS, DinoLoss, uniformity
from posebeam.models.networks.dino_head import DinoHead
from posebeam.models.pixels import normalised
from posebeam.models.pooled_trunk import PooledTrunk
from posebeam.models.row import Row
from posebeam.models.schedules import Cosine, dino_decay, dino_momentum, dino_rate
from posebeam.transforms.errors import DataError
from posebeam.workflows.console import say
from posebeam.workflows.dino.collapse import Sight, teacher_figures
from posebeam.workflows.dino.recipes import DinoRecipe


def learner(row: Row, recipe: DinoRecipe) -> Learner:
    """A fresh student, or teacher."""
    trunk = PooledTrunk(row, recipe.pool)
    head = DinoHead(trunk.width, recipe.outputs, recipe.layers, recipe.hidden, recipe.bottleneck)
    return Learner(trunk, head)


class DinoModule(lightning.LightningModule):
    """Trains a trunk by a recipe. The teacher, which starts as the student does, is what is kept.

    Chance hangs on seed and step alone, so that a resumed run ends where an undisturbed one does.
    """

    def __init__(self, row: Row, recipe: DinoRecipe, seed: int):
        super().__init__()
        self.student, self.teacher = learner(row, recipe), learner(row, recipe)
        self.teacher.load_state_dict(self.student.state_dict())
        self.teacher.requires_grad_(False)
        self.loss = DinoLoss(recipe.outputs)
        self.recipe, self.colour, self.seed = recipe, row.colour, seed
        self._step = 0
        self._told = ""  # which kind of collapse
        self._rate: Cosine
        self._decay: Cosine
        self._momentum: Cosine

    def setup(self, stage: str) -> None:
        """On several devices batch norms count all of them."""
        if self.trainer.world_size > 1 and self.trainer.strategy.root_device.type == "cuda":
            self.student = nn.SyncBatchNorm.convert_sync_batchnorm(self.student)
            self.teacher = nn.SyncBatchNorm.convert_sync_batchnorm(self.teacher)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Each update sets its own rate and decay."""
        return torch.optim.AdamW(parameter_groups(self.student))

    def on_train_start(self) -> None:
        """The schedules: now it is known how many updates an epoch has."""
        epochs, each = self.recipe.epochs, int(self.trainer.num_training_batches)
        warmup = min(self.recipe.warmup, epochs // 2)
        self._rate = dino_rate(self.recipe.batch, epochs * each, warmup * each, self.recipe.rate)
        self._decay = dino_decay(epochs * each)
        self._momentum = dino_momentum(epochs * each, self.recipe.momentum)

    def on_train_batch_start(self, batch: list[Tensor], batch_idx: int) -> None:
        """Dropout's chance, the rate and the decay of this update."""
        self._step = self.global_step
        entropy = (self.seed, self._step, self.global_rank)
        torch.manual_seed(int(np.random.SeedSequence(entropy).generate_state(1)[0]))
        decayed, spared = self.optimizers().param_groups
        decayed["lr"] = spared["lr"] = self._rate(self._step)
        decayed["weight_decay"] = self._decay(self._step)

    def on_after_batch_transfer(self, batch: list[Tensor], dataloader_idx: int) -> list[Tensor]:
        """Crops uint8 [B, 3, h, w] to what the network takes."""
        return [normalised(crops.float(), self.colour) for crops in batch]

    def training_step(self, batch: list[Tensor], batch_idx: int) -> Tensor:
        """DINO's loss of the crops float32 [B, 3, h, w], the global ones first. DataError if it is not finite."""
        temperature = self.recipe.temperature(self.current_epoch)
        with torch.no_grad():
            heard = self.teacher(batch[:GLOBALS]).float()
        figures = teacher_figures(self.loss.sharpened(heard, temperature))
        loss: Tensor = self.loss(self.student(batch), heard, temperature)
        if not torch.isfinite(loss):
            raise DataError(
                f"the loss of update {self._step + 1} is {loss.item()}: a lower rate, or --precision 32-true"
            )
        figures |= {"loss": loss.detach(), "uniformity": uniformity(loss, self.recipe.outputs)}
        self.log_dict(figures, on_step=False, on_epoch=True, batch_size=len(batch[0]), sync_dist=True)
        return loss

    def on_before_optimizer_step(self, optimizer: torch.optim.Optimizer) -> None:
        """Each gradient is shortened for itself; the last layer of the head has none at first."""
        clip_each(self.student.parameters(), self.recipe.longest)
        if self.current_epoch < self.recipe.frozen:
            freeze(self.student.head.get_submodule("last_layer"))

    def on_train_batch_end(self, outputs: Any, batch: list[Tensor], batch_idx: int) -> None:
        """The teacher follows."""
        follow(self.teacher, self.student, self._momentum(self._step))

    def on_train_epoch_end(self) -> None:
        """What the last update was made with; and whether it all has collapsed."""
        numbers = {"rate": self._rate, "decay": self._decay, "momentum": self._momentum}
        self.log_dict({name: schedule(self._step) for name, schedule in numbers.items()}, sync_dist=True)
        self.log("temperature", self.recipe.temperature(self.current_epoch), sync_dist=True)
        if self.current_epoch + 1 > min(self.recipe.warmup, self.recipe.epochs // 2):  # before, it is no wonder
            self._judge()

    def _judge(self) -> None:
        """Say it once, of each kind of collapse."""
        sight = self.sight()
        if sight.kind != self._told and sight.kind and self.trainer.is_global_zero:
            say(f"warning: epoch {self.current_epoch + 1}: {sight.warning}")
        self._told = sight.kind

    def sight(self) -> Sight:
        """The epoch's figures."""
        seen = {name: float(value) for name, value in self.trainer.callback_metrics.items()}
        crops = GLOBALS * self.recipe.batch // self.trainer.world_size
        return Sight(seen["loss"], seen["teacher_entropy"], seen["teacher_spread"], self.recipe.outputs, crops)
