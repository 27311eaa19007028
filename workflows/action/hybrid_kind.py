"""HybridKind: the hybrid classifier, on features of a clip's first frames."""

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR, LRScheduler

from posebeam.models.clip_features import SIDE
from posebeam.models.extractors import extractor
from posebeam.models.networks.hybrid import Hybrid
from posebeam.pipelines.features.made import FeaturesMade
from posebeam.pipelines.features.reader import FeatureReader
from posebeam.transforms.errors import ConfigError
from posebeam.workflows.action.hybrid_recipes import HYBRID_RECIPES, HybridRecipe
from posebeam.workflows.action.kind import Kind, Record
from posebeam.workflows.action.module import ActionModule
from posebeam.workflows.action.said import Said
from posebeam.workflows.action.samples import Division, Reader, divide, divide_last

if TYPE_CHECKING:
    from posebeam.workflows.commands.train import TrainConfig

_EPSILON = 1e-7  # Keras' of Adam; torch's is 1e-8
_INPUT = (
    "float32 [batch, {length}, {width}]: rows of the column features of a data set: {name} of the {side} x {side} "
    "pixels in the middle of a clip's first {length} frames, zeros behind the last"
)


def _recipe(config: "TrainConfig") -> HybridRecipe:
    name = config.recipe or "hybrid"
    if name not in HYBRID_RECIPES:
        raise ConfigError(f"no recipe {name!r} of the hybrid classifier; known: {', '.join(HYBRID_RECIPES)}")
    chosen = HYBRID_RECIPES[name]
    return replace(
        chosen,
        mask=config.mask or chosen.mask,
        epochs=config.epochs or chosen.epochs,
        batch=config.batch_size or chosen.batch,
    )


def _divide(reader: Reader, config: "TrainConfig", chosen: HybridRecipe) -> Division:
    if chosen.division == "groups":
        return divide(reader, config.split, config.val_part, config.seed)
    return divide_last(reader, config.split, config.val_part)


def _build(record: Record) -> Hybrid:
    length, width = FeaturesMade.of(record["data"]).shape
    return Hybrid(len(record["classes"]), length, width, record["recipe"]["mask"])


def _module(
    network: nn.Module, chosen: HybridRecipe, reader: Reader, _division: Division, clips: int, seed: int
) -> ActionModule:
    classes = len(reader.classes)
    optimise = partial(_adam, chosen.rate)
    return ActionModule(network, optimise, classes=classes, validation_clips=clips, seed=seed)


def _adam(rate: float, network: nn.Module, _steps: int) -> tuple[Optimizer, LRScheduler]:
    adam = torch.optim.Adam(network.parameters(), rate, eps=_EPSILON)
    return adam, LambdaLR(adam, lambda _: 1.0)


def _said(_record: Record, network: nn.Module) -> Said:
    return Said(network, None)


def _facts(record: Record) -> dict[str, Any]:
    made = FeaturesMade.of(record["data"])
    length, width = made.shape
    return {
        "input": _INPUT.format(length=length, width=width, name=made.features, side=SIDE),
        "probabilities": "",
        "mask": record["recipe"]["mask"],
        "features": made.features,
        "features_sha256": made.features_sha256,
        "features_licence": extractor(made.features).licence,
    }


HYBRID = Kind(
    models=("hybrid",),
    input="features",
    recipes=HYBRID_RECIPES,
    recipe=_recipe,
    read=FeatureReader,
    made=FeaturesMade.of,
    divide=_divide,
    build=_build,
    module=_module,
    said=_said,
    facts=_facts,
)
