"""PRTR's set loss against the published one."""

import zlib
from pathlib import Path

import numpy as np
import pytest
import torch

from posebeam.models.losses.joint_set import joint_set_loss, joint_terms, match_joints
from posebeam.transforms.errors import ConfigError, DataError


@pytest.fixture(scope="module")
def golden():
    """Made by PRTR's code: 3 people; fn/ for 100 queries of made numbers, the rest for 30; some thinned."""
    with np.load(Path(__file__).parents[1] / "golden" / "joint_set.npz") as file:
        return {name: torch.from_numpy(file[name]) for name in file.files}


def made():
    """The numbers behind fn/: logits [3 layers, 3, 100, 18], coords [3, 3, 100, 2], targets [3, 17, 2]."""
    draw = np.random.Generator(np.random.PCG64(zlib.crc32(b"0/setloss")))
    logits = 2 * draw.standard_normal((3, 3, 100, 18))
    coords, target = draw.uniform(0, 1, (3, 3, 100, 2)), draw.uniform(0, 1, (3, 17, 2))
    return (torch.from_numpy(part.astype(np.float32)) for part in (logits, coords, target))


def judged(logits, coords, target, visible):
    """Terms and gradients of layers that are given the last one last."""
    logits, coords = ([part.clone().requires_grad_() for part in parts] for parts in (logits, coords))
    layers = [{"pred_logits": logit, "pred_coords": coord} for logit, coord in zip(logits, coords, strict=True)]
    terms = joint_set_loss({**layers[-1], "aux_outputs": layers[:-1]}, target, visible)
    terms.total.backward()
    return terms, [part.grad for part in logits], [part.grad for part in coords]


def near(got, want):
    return (got - want).abs().max() <= 1e-6 * want.abs().max()


def parts_equal(terms, golden, prefix=""):
    assert {f"{prefix}{name}" for name in terms.parts} < golden.keys()
    assert terms.total.item() == pytest.approx(golden[f"{prefix}total"].item(), rel=1e-6)
    for name, value in terms.parts.items():
        assert value.item() == pytest.approx(golden[prefix + name].item(), rel=1e-6), name
    return True


def test_terms_and_gradients_equal_the_published_ones(golden):
    logits, coords = ([golden[f"{name}{layer}"] for layer in range(3)] for name in ("logits", "coords"))
    terms, by_logits, by_coords = judged(logits, coords, golden["target"], golden["visible"][..., 0])
    assert parts_equal(terms, golden)
    for layer in range(3):
        found = match_joints(logits[layer], coords[layer], golden["target"])
        assert torch.equal(found, golden[f"match{layer}"])
        assert near(by_logits[layer].flatten()[::7], golden[f"grad_logits{layer}"])
        assert near(by_coords[layer], golden[f"grad_coords{layer}"])


def test_a_hundred_queries_equal_the_published_ones(golden):
    logits, coords, target = made()
    assert torch.equal(logits[-1].flatten()[::7][::8], golden["fn/logits"])
    terms, by_logits, by_coords = judged(logits, coords, target, golden["fn/weight"][..., 0])
    assert parts_equal(terms, golden, "fn/")
    for layer in range(3):
        assert torch.equal(match_joints(logits[layer], coords[layer], target), golden["fn/queries"][layer])
    assert near(torch.stack(by_logits).flatten()[::13][::8], golden["fn/logits_gradient"])
    assert near(torch.stack(by_coords).flatten()[::3][::8], golden["fn/coords_gradient"])


def test_background_first_is_the_same_loss_with_the_classes_turned():
    logits, coords, target = made()
    visible = torch.ones(3, 17)
    last = joint_terms(logits[0], coords[0], target, visible)
    first = joint_terms(logits[0].roll(1, -1), coords[0], target, visible, background_first=True)
    for name, value in last.items():
        assert first[name].item() == pytest.approx(value.item(), rel=1e-6), name


def test_what_is_right_costs_little():
    target = torch.rand(2, 3, 2, generator=torch.Generator().manual_seed(0))
    logits = torch.full((2, 5, 4), -20.0)
    logits[:, :3, :3] += 40 * torch.eye(3)
    logits[:, 3:, 3] = 20
    coords = torch.cat((target, torch.zeros(2, 2, 2)), 1)
    terms = joint_terms(logits, coords, target, torch.ones(2, 3))
    assert terms == {name: pytest.approx(0, abs=1e-6) for name in terms}


def test_nobody_costs_nothing_and_can_be_learnt_from():
    logits = torch.zeros(0, 9, 5, requires_grad=True)
    terms = joint_terms(logits, torch.zeros(0, 9, 2), torch.zeros(0, 4, 2), torch.zeros(0, 4))
    assert terms["loss_ce"].item() == terms["loss_kpts"].item() == 0
    terms["loss_ce"].backward()


def test_mistakes_are_named():
    with pytest.raises(ConfigError, match="expected"):
        match_joints(torch.zeros(1, 3, 5), torch.zeros(1, 3, 2), torch.zeros(1, 4, 2))
    with pytest.raises(DataError, match="not finite"):
        match_joints(torch.full((1, 4, 5), torch.nan), torch.zeros(1, 4, 2), torch.zeros(1, 4, 2))
