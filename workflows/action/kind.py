"""Kind: what one kind of action model does otherwise than another."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import nn

from posebeam.workflows.action.module import ActionModule
from posebeam.workflows.action.samples import Division, MadeRows, Reader

if TYPE_CHECKING:
    from posebeam.workflows.commands.train import TrainConfig

Record = Mapping[str, Any]  # a run's run.json


@dataclass(frozen=True)
class Kind:
    """The parts that training, evaluation and export put together; see act_kind.py and hybrid_kind.py.

    input     what its exported networks call their input
    recipes   by name; the first one is its default
    recipe    the one that the flags mean
    read      a data set's folder to its rows
    made      how rows were made, out of a manifest's or run's configuration
    divide    which rows train and validate
    build     a fresh network, out of what a run's record says before training
    module    a network under training: (network, recipe, reader, division, clips that validate, seed)
    said      a network to what is said by it: a module of x to (logits, probabilities)
    facts     what an exported file says beside what all say
    """

    models: tuple[str, ...]
    input: str
    recipes: Mapping[str, Any]
    recipe: Callable[["TrainConfig"], Any]
    read: Callable[[Path], Reader]
    made: Callable[[Record], MadeRows]
    divide: Callable[[Reader, "TrainConfig", Any], Division]
    build: Callable[[Record], nn.Module]
    module: Callable[[nn.Module, Any, Reader, Division, int, int], ActionModule]
    said: Callable[[Record, nn.Module], nn.Module]
    facts: Callable[[Record], dict[str, Any]]
