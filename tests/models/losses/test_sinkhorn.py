"""The Sinkhorn loss against POT, with gradients through every iteration; and the committed variant."""

from pathlib import Path

import numpy as np
import pytest
import torch

from posebeam.models.losses.heatmaps import joint_mse
from posebeam.models.losses.sinkhorn import divergence, joint_sinkhorn, kernel, scalings, transport_cost
from posebeam.models.losses.sinkhorn_unused import balanced, sinkhorn_unused
from posebeam.models.targets import between_cells
from posebeam.transforms.errors import ConfigError

GRIDS = {"line": (1, 12), "map": (8, 6)}
LENGTHS = {"3": 3, "converged": 3000}


@pytest.fixture(scope="module")
def golden():
    """Made by POT and autograd in float64; `committed/` by BTranspose's code."""
    with np.load(Path(__file__).parents[1] / "golden" / "sinkhorn.npz") as file:
        return {name: torch.from_numpy(file[name]) for name in file.files}


def on_grid(golden, name):
    """a and b of a case as maps."""
    return (golden[f"{name}/{part}"].reshape(GRIDS[name]) for part in "ab")


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("name", GRIDS)
def test_cost_and_columns_equal_pot(golden, name, length):
    a, b = on_grid(golden, name)
    assert transport_cost(a, b, iterations=LENGTHS[length]).item() == pytest.approx(
        golden[f"{name}/loss_{length}"].item(), rel=1e-9
    )
    k = kernel(a)
    u, v = scalings(a, b, k, LENGTHS[length])
    assert torch.allclose((v * k(u)).flatten(), golden[f"{name}/column_sums_{length}"], rtol=0, atol=1e-9)
    assert torch.allclose(u * k(v), a, rtol=0, atol=1e-12)


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("name", GRIDS)
@pytest.mark.parametrize("by", ["a", "z"])
def test_gradients_flow_through_all_iterations(golden, name, length, by):
    a, b = on_grid(golden, name)
    free = golden[f"{name}/{by}"].clone().requires_grad_()
    a = (free if by == "a" else free.softmax(0)).view_as(b)
    transport_cost(a, b, iterations=LENGTHS[length]).backward()
    assert torch.allclose(free.grad, golden[f"{name}/grad_{by}_{length}"], rtol=0, atol=1e-9)


@pytest.mark.parametrize("name", GRIDS)
def test_divergence_takes_off_what_each_costs_to_itself(golden, name):
    a, b = on_grid(golden, name)
    to_itself = golden[f"{name}/loss_a_to_a_converged"] + golden[f"{name}/loss_b_to_b_converged"]
    want = (golden[f"{name}/loss_converged"] - to_itself / 2).item()
    assert divergence(a, b, iterations=3000).item() == pytest.approx(want, rel=1e-9)
    assert divergence(a, a).item() == 0
    assert want > 0


def test_the_larger_blur_the_further_from_the_exact_cost(golden):
    a, b = on_grid(golden, "line")
    exact = golden["line/loss_exact"]
    away = [(transport_cost(a, b, blur, 3000) - exact).abs().item() for blur in (0.005, 0.02, 0.05)]
    assert away == sorted(away)
    assert away[0] < 0.1 * exact


def peaks(*at):
    """Target maps [1, joints, 16, 12] with a bell at each (x, y)."""
    return between_cells(torch.tensor([at], dtype=torch.float32), torch.ones(1, len(at)), (16, 12), sigma=1.0)[0]


def test_a_peak_costs_the_more_the_further_it_is():
    true = peaks((3, 4)).repeat(3, 1, 1, 1)
    said = peaks((3, 4), (9, 4), (9, 12)).transpose(0, 1)
    costs = [joint_sinkhorn(said[i : i + 1], true[:1]).item() for i in range(3)]
    assert costs[0] == pytest.approx(0, abs=1e-6)
    assert costs[0] < costs[1] < costs[2]
    blind = [joint_mse(said[i : i + 1], true[:1]).item() for i in (1, 2)]  # MSE hardly sees how far
    assert blind[0] == pytest.approx(blind[1], rel=0.05)


def test_descent_brings_a_peak_home():
    maps, true = peaks((9, 12)).requires_grad_(), peaks((3, 4))
    adam = torch.optim.Adam([maps], 0.03)
    for _ in range(60):
        adam.zero_grad()
        (loss := joint_sinkhorn(maps, true)).backward()
        adam.step()
    assert loss < 0.01
    assert (maps[0, 0] == maps[0, 0].max()).nonzero()[0].sub(torch.tensor([4, 3])).abs().max() <= 2


def test_weights_choose_joints_and_full_size_maps_stay_finite():
    maps = torch.zeros(1, 2, 64, 48, requires_grad=True)
    true = between_cells(torch.tensor([[[0.0, 0], [47, 63]]]), torch.ones(1, 2), (64, 48))[0]
    joint_sinkhorn(maps, true, torch.tensor([[1.0, 0.0]])).backward()
    assert maps.grad.isfinite().all()
    assert maps.grad[0, 0].abs().max() > 0
    assert maps.grad[0, 1].abs().max() == 0


@pytest.mark.parametrize(("blur", "iterations"), [(0, 3), (0.05, 0)])
def test_numbers_without_sense_are_named(blur, iterations):
    with pytest.raises(ConfigError, match="expected"):
        transport_cost(torch.ones(1, 2) / 2, torch.ones(1, 2) / 2, blur, iterations)


def test_the_committed_table_equals_the_published_one(golden):
    table = balanced(golden["committed/scores"])
    assert torch.allclose(table, golden["committed/result"], rtol=1e-6, atol=1e-7)
    assert balanced(torch.full((5, 12), 5.0)).isnan().all()
    assert torch.allclose(balanced(golden["committed/scores"][:1]), torch.full((1, 12), 1 / 12))


@pytest.mark.parametrize("kind", ["weighted", "plain"])
def test_the_committed_loss_does_not_use_it(golden, kind):
    predicted, true = golden["committed/pred"].clone().requires_grad_(), golden["committed/true"]
    weight = golden["committed/weight"][..., 0] if kind == "weighted" else None
    found = sinkhorn_unused(predicted, true, weight)
    assert found.loss.item() == pytest.approx(golden[f"committed/loss_{kind}"].item(), rel=1e-6)
    assert found.loss.item() == joint_mse(predicted, true, weight).item()
    assert found.predicted.shape == found.target.shape == (4, 5, 30)
    assert not found.predicted.requires_grad
