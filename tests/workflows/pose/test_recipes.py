"""Recipes of pose networks: each family's own, its numbers, and what does not fit."""

import pytest
import torch
from torch import nn

from posebeam.models.registry import build_network, row, rows
from posebeam.transforms.errors import ConfigError
from posebeam.workflows.pose.module import make_optimiser, make_schedule
from posebeam.workflows.pose.recipe import PoseRecipe
from posebeam.workflows.pose.recipes import RECIPES, pose_recipe

OWN = {
    "simple-baseline-r152": "simple-baseline",
    "hrnet-w48": "hrnet",
    "transpose-r-a4": "transpose",
    "transpose-h-a6": "transpose",
    "btranspose-c3a1-8": "btranspose",
    "prtr-r101-512": "prtr",
    "prtr-hrnet-w32-384": "prtr",
    "prtr-sequential-r50": "prtr-sequential",
}


def rates(recipe: PoseRecipe) -> list[float]:
    """Of every epoch."""
    optimiser = make_optimiser(nn.Linear(1, 1), recipe)
    schedule, found = make_schedule(optimiser, recipe), []
    for _ in range(recipe.epochs):
        found.append(optimiser.param_groups[0]["lr"])
        optimiser.step()
        schedule.step()
    return found


@pytest.mark.parametrize(("backbone", "name"), OWN.items())
def test_a_backbone_has_the_recipe_of_its_family(backbone, name):
    assert pose_recipe("", row(backbone)).name == name


def test_every_recipe_trains_a_row_of_the_table_and_names_networks_that_are_there():
    networks = {each.network for each in rows()}
    assert all(set(recipe.networks) <= networks for recipe in RECIPES.values())


@pytest.mark.parametrize(
    ("backbone", "numbers"),
    [
        ("transpose-r-a4", {"batch": 20, "epochs": 230, "devices": 1}),
        ("transpose-h-s", {"batch": 16, "epochs": 240, "devices": 2}),
        ("transpose-h-a4", {"batch": 14, "epochs": 240, "devices": 1}),
        ("transpose-h-a6", {"batch": 14, "epochs": 240, "devices": 4}),
        ("prtr-r50-384", {"batch": 32, "backbone_rate": 1e-5, "steps": (120, 140)}),
        ("prtr-hrnet-w32-512", {"batch": 16, "backbone_rate": 1e-4, "steps": (70, 95)}),
    ],
)
def test_numbers_are_those_published_for_this_network(backbone, numbers):
    chosen = pose_recipe("", row(backbone))
    assert {name: getattr(chosen, name) for name in numbers} == numbers


def test_a_recipe_of_another_family_is_refused():
    with pytest.raises(ConfigError, match="hrnet does not fit backbone transpose-r-a4; its family's: transpose"):
        pose_recipe("hrnet", row("transpose-r-a4"))
    with pytest.raises(ConfigError, match="no recipe 'sgd'; known: simple-baseline, hrnet"):
        pose_recipe("sgd", row("hrnet-w32"))
    with pytest.raises(
        ConfigError, match="movenet-lightning cannot be trained here; those can: BTranspose, HRNet"
    ):
        pose_recipe("", row("movenet-lightning"))


def test_steps_multiply_the_rate_at_their_epochs():
    found = rates(RECIPES["simple-baseline"])
    assert found[:90] == [1e-3] * 90
    assert found[90:120] == pytest.approx([1e-4] * 30)
    assert found[120:] == pytest.approx([1e-5] * 20)
    paper = rates(RECIPES["btranspose-paper"])
    assert [paper[epoch] for epoch in (99, 100, 150, 200, 220)] == pytest.approx([1e-4 / 4**k for k in range(5)])


def test_the_cosine_goes_from_the_rate_to_the_end():
    found = rates(RECIPES["btranspose"])
    assert found[0] == 1e-4
    assert found[115] == pytest.approx((1e-4 + 1e-5) / 2)
    assert 1e-5 < found[-1] < 1.01e-5
    assert found == sorted(found, reverse=True)


def test_other_epochs_stretch_the_schedule():
    short = RECIPES["prtr"].lasting(20)
    assert (short.epochs, short.steps) == (20, (12, 14))
    assert RECIPES["prtr"].lasting(0) is RECIPES["prtr"]
    assert RECIPES["hrnet"].lasting(1).steps == (1, 1)
    assert rates(RECIPES["btranspose"].lasting(10))[5] == pytest.approx((1e-4 + 1e-5) / 2)


def test_prtrs_trunk_has_a_rate_of_its_own_and_its_stem_none():
    network, chosen = build_network("prtr-r50-384", layers=1, queries=17), pose_recipe("", row("prtr-r50-384"))
    optimiser = make_optimiser(network, chosen)
    assert isinstance(optimiser, torch.optim.AdamW)
    of_rate = {group["lr"]: {id(each) for each in group["params"]} for group in optimiser.param_groups}
    names = {id(parameter): name for name, parameter in network.named_parameters()}
    trunk, rest = ({names[each] for each in of_rate[rate]} for rate in (1e-5, 1e-4))
    assert all(name.startswith(("backbone.0.body.layer2", "backbone.0.body.layer3", "backbone.0.body.layer4"))
               for name in trunk)  # fmt: skip
    assert not any(name.startswith("backbone") for name in rest)
    assert all(group["weight_decay"] == 1e-4 for group in optimiser.param_groups)
    frozen = {name for name, parameter in network.named_parameters() if not parameter.requires_grad}
    assert trunk | rest | frozen == set(names.values())


@pytest.mark.parametrize(
    "wrong", [{"objective": "mse"}, {"optimiser": "sgd"}, {"schedule": "poly"}, {"batch": 0}, {"steps": (5, 2)}]
)
def test_a_recipe_checks_itself(wrong):
    with pytest.raises(ConfigError, match=rf"{next(iter(wrong))}|batches"):
        PoseRecipe(**{"name": "x", "about": "", "networks": (), "objective": "maps", **wrong})
