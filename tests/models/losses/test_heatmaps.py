"""The heat maps' loss against the published one."""

import zlib
from pathlib import Path

import numpy as np
import pytest
import torch

from posebeam.models.losses.heatmaps import joint_mse
from posebeam.transforms.errors import ConfigError


@pytest.fixture(scope="module")
def golden():
    """Made by TransPose's code; gradients are every 1,164th value."""
    with np.load(Path(__file__).parents[1] / "golden" / "joint_mse.npz") as file:
        return {name: torch.from_numpy(file[name]) for name in file.files}


@pytest.fixture(scope="module")
def maps():
    draw = np.random.Generator(np.random.PCG64(zlib.crc32(b"0/loss")))
    predicted, target = (draw.standard_normal((3, 17, 64, 48)).astype(np.float32) for _ in range(2))
    return torch.from_numpy(predicted), torch.from_numpy(target)


@pytest.mark.parametrize("kind", ["weighted", "plain"])
def test_loss_and_gradient_equal_the_published_ones(golden, maps, kind):
    predicted, target = maps[0].clone().requires_grad_(), maps[1]
    loss = joint_mse(predicted, target, golden["weight"][..., 0] if kind == "weighted" else None)
    loss.backward()
    assert loss.item() == pytest.approx(golden[f"T/{kind}"].item(), rel=1e-6)
    want = golden[f"T/{kind}_gradient"]
    assert (predicted.grad.flatten()[:: 97 * 12] - want).abs().max() <= 1e-6 * want.abs().max()


def test_a_joint_of_weight_0_is_asked_nothing():
    predicted = torch.zeros(1, 2, 3, 4, requires_grad=True)
    joint_mse(predicted, torch.ones(1, 2, 3, 4), torch.tensor([[1.0, 0.0]])).backward()
    assert (predicted.grad[0, 0] < 0).all()
    assert (predicted.grad[0, 1] == 0).all()


def test_half_precision_is_judged_in_whole():
    assert joint_mse(torch.zeros(1, 1, 2, 2, dtype=torch.bfloat16), torch.ones(1, 1, 2, 2)).dtype == torch.float32


@pytest.mark.parametrize(
    ("target", "weight"), [((1, 2, 4, 3), (1, 2)), ((1, 2, 3, 4), (1, 2, 1)), ((2, 3, 4), None)]
)
def test_shapes_that_would_broadcast_are_named(target, weight):
    with pytest.raises(ConfigError, match="expected"):
        joint_mse(torch.zeros(1, 2, 3, 4), torch.zeros(target), None if weight is None else torch.ones(weight))
