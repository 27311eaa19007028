"""DINO's loss against the published one, and what shows a collapse."""

import math
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch

from posebeam.models.losses.dino import DinoLoss, entropy, spread, uniformity
from posebeam.models.schedules import Ramp
from posebeam.transforms.errors import ConfigError

OUT, BATCH = 20, 3


@pytest.fixture(scope="module")
def golden():
    """Made by DINO's code."""
    with np.load(Path(__file__).parents[1] / "golden" / "dino.npz") as file:
        return {name: torch.from_numpy(file[name]) for name in file.files}


def drawn(key, rows, factor):
    draw = np.random.Generator(np.random.PCG64(zlib.crc32(f"0/{key}".encode())))
    return torch.from_numpy((factor * draw.standard_normal((rows, OUT))).astype(np.float32))


@pytest.mark.parametrize("crops", [2, 10])
def test_loss_centre_and_gradient_equal_the_published_ones(golden, crops):
    loss, temperature = DinoLoss(OUT), Ramp()
    for call, epoch in enumerate((0, 7, 40)):
        name = f"loss{crops}"
        student = drawn(f"{name}/student{call}", crops * BATCH, 0.3).requires_grad_()
        value = loss(student, drawn(f"{name}/teacher{call}", 2 * BATCH, 0.15), temperature(epoch))
        value.backward()
        assert value.item() == pytest.approx(golden[f"{name}/value{call}"].item(), rel=1e-6)
        for got, want in ((loss.center, "center"), (student.grad, "grad_student")):
            want = golden[f"{name}/{want}{call}"]
            assert (got - want).abs().max() <= 1e-6 * want.abs().max()


def test_temperatures_equal_the_published_ones(golden):
    want = golden["loss/teacher_temperature_of_epoch"].tolist()
    assert [Ramp()(epoch) for epoch in range(100)] == pytest.approx(want, rel=1e-12)


def test_outputs_that_say_nothing_cost_the_logarithm_of_their_number(golden):
    value = DinoLoss(OUT)(torch.zeros(6, OUT), torch.zeros(6, OUT), 0.04)
    assert value.item() == pytest.approx(golden["loss/uniform_outputs"].item(), rel=1e-6)
    assert uniformity(value, OUT).item() == pytest.approx(1)


def test_the_teacher_is_not_trained():
    teacher = torch.randn(4, OUT, requires_grad=True)
    DinoLoss(OUT)(torch.randn(8, OUT, requires_grad=True), teacher, 0.04).backward()
    assert teacher.grad is None


def test_the_centre_is_kept_with_the_weights():
    loss = DinoLoss(OUT)
    loss(torch.zeros(4, OUT), torch.ones(4, OUT), 0.04)
    again = DinoLoss(OUT)
    again.load_state_dict(loss.state_dict())
    assert torch.allclose(again.center, torch.full((1, OUT), 0.1))


def test_both_collapses_show():
    even, alike = torch.full((8, OUT), 1 / OUT), torch.eye(OUT)[[3] * 8]
    varied = torch.eye(OUT)[:8]
    assert entropy(even).item() == pytest.approx(math.log(OUT))
    assert entropy(alike).item() == entropy(varied).item() == 0
    assert spread(even).item() == pytest.approx(0, abs=1e-6)
    assert spread(alike).item() == 0
    assert spread(varied).item() == pytest.approx(math.log(8))


@pytest.mark.parametrize(("student", "teacher"), [(4, 3), (2, 4), (5, 4), (0, 0)])
def test_counts_that_do_not_fit_are_named(student, teacher):
    with pytest.raises(ConfigError, match="expected crops x B"):
        DinoLoss(OUT)(torch.zeros(student, OUT), torch.zeros(teacher, OUT), 0.04)
