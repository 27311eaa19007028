"""ActKind: the Action Transformer, on windows of poses."""

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from posebeam.models.networks.act import AcT, build_act
from posebeam.pipelines.made import Made
from posebeam.pipelines.read import WindowReader
from posebeam.transforms.augment import Augmentation
from posebeam.transforms.chain import chain
from posebeam.transforms.errors import ConfigError
from posebeam.transforms.layout import layout
from posebeam.workflows.action.act_recipes import RECIPES, Recipe, recipe
from posebeam.workflows.action.kind import Kind, Record
from posebeam.workflows.action.module import ActionModule
from posebeam.workflows.action.optimiser import make_optimiser
from posebeam.workflows.action.said import Said
from posebeam.workflows.action.samples import Batch, Division, Reader, divide

if TYPE_CHECKING:
    from posebeam.workflows.commands.train import TrainConfig

_INPUT = (
    "float32 [batch, {window}, 52]: rows of the column x of a data set's windows, as they stand there (13 joints "
    "x (x, y, vx, vy) in torso lengths); nothing else is to be scaled or centred"
)


def build_model(name: str, classes: int, window: int) -> AcT:
    """A fresh network by the name it has on the command line, act-micro for example."""
    return build_act(name.removeprefix("act-"), classes, window)


def set_dropout(network: nn.Module, chance: float) -> None:
    """Give all dropout layers this chance; below 0 they keep their own."""
    for part in network.modules():
        if isinstance(part, torch.nn.Dropout) and chance >= 0:
            part.p = chance


def _recipe(config: "TrainConfig") -> Recipe:
    if config.mask:
        raise ConfigError(f"--mask {config.mask} concerns the hybrid classifier, not {config.model}")
    chosen = recipe(config.recipe or "default")
    return replace(chosen, epochs=config.epochs or chosen.epochs, batch=config.batch_size or chosen.batch)


def _divide(reader: Reader, config: "TrainConfig", _chosen: Recipe) -> Division:
    return divide(reader, config.split, config.val_part, config.seed)


def _build(record: Record) -> AcT:
    network = build_model(record["model"], len(record["classes"]), record["data"]["window"])
    set_dropout(network, record["recipe"]["dropout"])
    return network


def _module(
    network: nn.Module, chosen: Recipe, reader: Reader, division: Division, clips: int, seed: int
) -> ActionModule:
    rows = len(division.train) + len(division.validation)
    return ActionModule(
        network,
        partial(_optimise, chosen, -(-rows // chosen.batch) * chosen.epochs),
        classes=len(reader.classes),
        validation_clips=clips,
        seed=seed,
        smoothing=chosen.smoothing,
        augment=partial(_augmented, chosen.augmentation, reader.made),
    )


def _optimise(chosen: Recipe, nominal_steps: int, network: nn.Module, steps: int) -> tuple[Optimizer, LRScheduler]:
    width = int(network.get_parameter("position").shape[1])
    return make_optimiser(network, chosen, width=width, steps=steps, nominal_steps=nominal_steps)


def _augmented(augmentation: Augmentation, made: Made, batch: Batch, rng: np.random.Generator) -> Batch:
    x, valid = augmentation(batch.x.numpy(), batch.valid.numpy(), chain(made.chain), layout(made.layout), rng)
    return batch._replace(x=torch.from_numpy(x), valid=torch.from_numpy(valid))


def _said(record: Record, network: nn.Module) -> Said:
    mirrored = record["recipe"]["mirrored"]
    return Said(network, layout(record["data"]["layout"]).skeleton.mirror if mirrored else None)


def _facts(record: Record) -> dict[str, Any]:
    data, mirrored = record["data"], bool(record["recipe"]["mirrored"])
    stored = ("layout", "chain", "chain_version", "window", "stride", "min_score", "backbone", "weights_sha256")
    return {
        "mirrored": mirrored,
        "input": _INPUT.format(window=data["window"]),
        "probabilities": ", mean over the window and its mirror image" if mirrored else "",
        "joints": list(layout(data["layout"]).skeleton.joints),
        **{name: data[name] for name in stored},
        **({"gaps": data["gaps"]} if "gaps" in data else {}),
    }


ACT = Kind(
    models=("act-micro", "act-small", "act-base", "act-large"),
    input="windows",
    recipes=RECIPES,
    recipe=_recipe,
    read=WindowReader,
    made=Made.of,
    divide=_divide,
    build=_build,
    module=_module,
    said=_said,
    facts=_facts,
)
