"""Recipes are records that check themselves."""

from dataclasses import replace

import pytest
import torch

from posebeam.transforms.errors import ConfigError
from posebeam.workflows.action.act_kind import ACT, build_model, set_dropout
from posebeam.workflows.action.act_recipes import recipe
from posebeam.workflows.action.kinds import KINDS
from posebeam.workflows.commands.train import MODELS, TrainConfig


def test_the_published_recipe_is_the_published_one():
    published = recipe("published")
    assert (published.optimiser, published.schedule) == ("published", "published")
    assert (published.batch, published.epochs, published.decay, published.smoothing) == (512, 350, 1e-4, 0.1)
    assert (published.augmentation.flip, published.augmentation.noise) == ("published", 0.03)
    assert (published.augmentation.slowest, published.augmentation.turn, published.augmentation.hide) == (1, 0, 0)


def test_ours_swaps_the_sides():
    assert recipe("default").augmentation.flip == "swap"


def test_an_unknown_recipe_is_named():
    with pytest.raises(ConfigError, match="no recipe 'fast'; known: default, published"):
        recipe("fast")


def test_wrong_values_are_refused():
    with pytest.raises(ConfigError, match="optimiser: got 'sgd'"):
        replace(recipe("default"), optimiser="sgd")
    with pytest.raises(ConfigError, match="got 0 epochs"):
        replace(recipe("default"), epochs=0)


def test_the_command_knows_what_the_tables_know():
    from posebeam.models.networks.act import SIZES

    assert list(MODELS) == [model for kind in KINDS for model in kind.models]
    assert [model.removeprefix("act-") for model in ACT.models] == list(SIZES)
    for kind in KINDS:  # without --recipe the first one is taken
        assert kind.recipe(TrainConfig(model=kind.models[0])) == next(iter(kind.recipes.values()))


def test_a_recipe_may_set_another_dropout_than_the_published_one():
    network = build_model("act-micro", 3, 30)
    published = [part.p for part in network.modules() if isinstance(part, torch.nn.Dropout)]
    set_dropout(network, -1.0)
    assert [part.p for part in network.modules() if isinstance(part, torch.nn.Dropout)] == published == [0.3] * 4
    set_dropout(network, 0.1)
    assert {part.p for part in network.modules() if isinstance(part, torch.nn.Dropout)} == {0.1}
