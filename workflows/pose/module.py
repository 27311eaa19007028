"""PoseModule: a pose network under training, as lightning wants it."""

from dataclasses import asdict
from typing import Any

import lightning
import numpy as np
import torch
from torch import Tensor, distributed, nn
from torch.optim import Adam, AdamW, Optimizer
from torch.optim.lr_scheduler import CosineAnnealingLR, LRScheduler, MultiStepLR

from posebeam.models.networks.prtr import PRTR
from posebeam.models.networks.prtr_sequential import SequentialPRTR
from posebeam.models.row import Row
from posebeam.workflows.pose.objectives import make_objective
from posebeam.workflows.pose.recipe import PoseRecipe
from posebeam.workflows.pose.validation import Pictures, PoseValidation, Results

MONITOR = "val_ap"


class PoseModule(lightning.LightningModule):
    """Trains a network by a recipe; logs train_loss and its parts, and of validation val_ap, val_ap50 and val_ar.

    Chance in the network (dropout) hangs on seed and step alone, so that a resumed run ends where an undisturbed
    one does. Checkpoints hold the validation's figures.
    """

    def __init__(
        self, network: nn.Module, recipe: PoseRecipe, row: Row, seed: int, validation: PoseValidation | None = None
    ):
        super().__init__()
        # The order in memory that convolutions want. Validation runs in it, so that training does from the start.
        self.network = network.to(memory_format=torch.channels_last)
        self.recipe, self.seed, self.validation = recipe, seed, validation
        self._objective = make_objective(recipe.objective, row)
        self._results: Results = {}
        self.figures: dict[str, Any] = {}

    def on_train_batch_start(self, batch: Any, batch_idx: int) -> None:
        """Dropout's chance; loaders draw from torch's generator as well, and not the same in a resumed run."""
        chance = np.random.SeedSequence((self.seed, self.global_step, self.global_rank))
        torch.manual_seed(int(chance.generate_state(1)[0]))

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        """The objective; set losses are asked of every decoder layer."""
        _ask_every_layer(self.network, True)
        batch = batch._replace(image=batch.image.contiguous(memory_format=torch.channels_last))
        terms = self._objective(self.network, batch)
        last = {name: value for name, value in terms.parts.items() if not name[-1].isdigit()}
        logged: dict[str, Any] = {"train_loss": terms.total.detach(), **last}
        self.log_dict(logged, on_step=False, on_epoch=True, batch_size=len(batch.image), sync_dist=True)
        return terms.total

    def on_train_epoch_start(self) -> None:
        """The epoch's rate, of a trunk with another the other's."""
        self.log("rate", self.optimizers().param_groups[0]["lr"], on_step=False, on_epoch=True, sync_dist=True)

    def on_validation_epoch_start(self) -> None:
        """Nothing is seen yet."""
        _ask_every_layer(self.network, False)
        self._results = {}

    def validation_step(self, batch: Pictures, batch_idx: int) -> None:
        """People of some pictures."""
        assert self.validation is not None  # who validates has a loader from it
        self._results |= self.validation.see(self.network, batch)

    def on_validation_epoch_end(self) -> None:
        """AP over the pictures of all processes; it is the same in each."""
        assert self.validation is not None
        figures = self.validation.measure(_of_all_processes(self._results))
        self.figures = asdict(figures)
        logged = {MONITOR: figures.AP, "val_ap50": figures.AP50, "val_ar": figures.AR}
        self.log_dict({name: torch.tensor(value) for name, value in logged.items()}, sync_dist=True)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Beside an epoch's weights, what they reach."""
        checkpoint["figures"] = self.figures

    def configure_optimizers(self) -> Any:
        """The recipe's, with a rate an epoch."""
        optimiser = make_optimiser(self.network, self.recipe)
        return {"optimizer": optimiser, "lr_scheduler": make_schedule(optimiser, self.recipe)}


def make_optimiser(network: nn.Module, recipe: PoseRecipe) -> Optimizer:
    """Over all that is trained, what lies below `backbone.` at a rate of its own."""
    trained = [(name, each) for name, each in network.named_parameters() if each.requires_grad]
    rates = {False: recipe.rate, True: recipe.backbone_rate or recipe.rate}
    groups: list[dict[str, Any]] = [
        {"params": [each for name, each in trained if name.startswith("backbone.") == below], "lr": rate}
        for below, rate in rates.items()
    ]
    kept = [group for group in groups if group["params"]]
    if recipe.optimiser == "adam":
        return Adam(kept, lr=recipe.rate)
    return AdamW(kept, lr=recipe.rate, weight_decay=recipe.decay)


def make_schedule(optimiser: Optimizer, recipe: PoseRecipe) -> LRScheduler:
    """The rates of all groups, a step an epoch."""
    if recipe.schedule == "steps":
        return MultiStepLR(optimiser, list(recipe.steps), recipe.factor)
    return CosineAnnealingLR(optimiser, recipe.epochs, eta_min=recipe.end_rate)


def _ask_every_layer(network: nn.Module, every: bool) -> None:
    """Whether those of a network that can say what earlier layers make of a picture do."""
    if isinstance(network, (PRTR, SequentialPRTR)):
        network.auxiliary = every


def _of_all_processes(results: Results) -> Results:
    """Results of the pictures that any process of a training saw; one seen twice counts once."""
    if not (distributed.is_available() and distributed.is_initialized()):
        return results
    gathered: list[Any] = [None] * distributed.get_world_size()
    distributed.all_gather_object(gathered, results)
    return {number: found for each in gathered for number, found in each.items()}
