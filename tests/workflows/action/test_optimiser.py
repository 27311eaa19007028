"""The published optimiser and schedule, number by number."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from posebeam.models.networks.act import SIZES, build_act
from posebeam.workflows.action.act_recipes import recipe
from posebeam.workflows.action.optimiser import PublishedAdamW, cosine_rate, make_optimiser, published_rate

PARITY = Path(__file__).parents[2] / "models/golden/act.npz"


@pytest.fixture(scope="module")
def golden():
    with np.load(PARITY) as file:
        return dict(file)


@pytest.mark.parametrize("size", SIZES)
def test_rates_equal_the_published_ones(golden, size):
    steps = 25 * 350  # as the official code counts 12,562 windows in batches of 512
    rates = [published_rate(int(s), width=SIZES[size].width, steps=steps) for s in golden["schedule/step"]]
    np.testing.assert_allclose(rates, golden[f"schedule/{size}"], rtol=1e-6)


def test_the_first_update_has_rate_0():
    assert published_rate(0, width=64, steps=100) == 0


def test_updates_equal_the_published_ones(golden):
    """Six updates from a start: warm-up of 3 steps, constant rate after 4, width 64."""
    parameter = nn.Parameter(torch.from_numpy(golden["adamw/start"].copy()))
    optimiser = PublishedAdamW([parameter], rate=1.0, decay=1e-4)
    for done, gradient in enumerate(golden["adamw/gradients"]):
        rate = 1e-4 if done > 4 else 0.0 if done == 0 else 64**-0.5 * min(done**-0.5, done * 3**-1.5)
        optimiser.param_groups[0]["lr"] = rate
        parameter.grad = torch.from_numpy(gradient)
        optimiser.step()
        np.testing.assert_allclose(parameter.detach(), golden["adamw/after_each_step"][done], rtol=1e-6)


def test_the_published_loss(golden):
    logits, label = torch.from_numpy(golden["micro/logits"]), torch.from_numpy(golden["loss/label"])
    loss = nn.functional.cross_entropy(logits, label.long(), label_smoothing=recipe("published").smoothing)
    assert float(loss) == pytest.approx(float(golden["loss/smoothed_cross_entropy"]), rel=1e-6)


def test_the_published_recipe_decays_every_parameter():
    network = build_act("micro", 5)
    optimiser, _ = make_optimiser(network, recipe("published"), width=64, steps=100, nominal_steps=110)
    before = [p.detach().clone() for p in network.parameters()]
    for p in network.parameters():
        p.grad = torch.zeros_like(p)
    optimiser.step()
    for p, old in zip(network.parameters(), before, strict=True):
        torch.testing.assert_close(p.detach(), old * (1 - 1e-4))


def test_a_cosine_rises_falls_and_ends_at_nothing():
    rates = [cosine_rate(done, peak=1.0, warmup=0.1, steps=100) for done in range(101)]
    assert np.argmax(rates) == 10
    assert rates[10] == pytest.approx(1.0)
    assert (np.diff(rates[:11]) > 0).all()
    assert (np.diff(rates[10:]) < 0).all()
    assert rates[0] > 0
    assert rates[-1] == pytest.approx(0)


def test_the_schedule_sets_the_rate_of_each_update():
    network = nn.Linear(2, 2)
    optimiser, schedule = make_optimiser(network, recipe("default"), width=64, steps=50, nominal_steps=50)
    rates = []
    for _ in range(50):
        rates.append(optimiser.param_groups[0]["lr"])
        optimiser.step()
        schedule.step()
    default = recipe("default")
    want = [cosine_rate(n, peak=default.rate, warmup=default.warmup, steps=50) for n in range(50)]
    np.testing.assert_allclose(rates, want)
