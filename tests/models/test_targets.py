"""Targets of heat maps against the published ones."""

from pathlib import Path

import numpy as np
import pytest
import torch

from posebeam.models.decoders.heatmaps import dark, highest
from posebeam.models.targets import between_cells, on_cells

SIZE = (64, 48)


@pytest.fixture(scope="module")
def golden():
    """Made by HRNet's (H) and TransPose's (T) code: 10 sets of joints, many at and over the edges."""
    with np.load(Path(__file__).parent / "golden" / "targets.npz") as file:
        return dict(file)


@pytest.mark.parametrize(("family", "targets"), [("H", on_cells), ("T", between_cells)])
def test_targets_equal_the_published_ones(golden, family, targets):
    joints, visible = (torch.from_numpy(golden[name]) for name in ("joints_in_map_cells", "visible"))
    maps, weight = targets(joints, visible, SIZE)
    assert maps.dtype == weight.dtype == torch.float32
    assert maps.flatten()[::185].numpy() == pytest.approx(golden[f"{family}/target"], abs=1e-6)  # 37th, then 5th
    assert (weight.numpy() == golden[f"{family}/weight"]).all()
    assert maps.sum((2, 3)).numpy() == pytest.approx(golden[f"{family}/sum"], abs=2e-5)
    assert maps.amax((2, 3)).numpy() == pytest.approx(golden[f"{family}/max"], abs=1e-6)


def test_a_decoder_reads_what_a_target_says():
    joints = 6 + 34 * torch.rand(2, 17, 2, generator=torch.Generator().manual_seed(0))
    visible = torch.ones(2, 17)
    assert (highest(on_cells(joints, visible, SIZE)[0])[0] - joints).abs().max() <= 0.5
    assert (dark(between_cells(joints, visible, SIZE)[0])[..., :2] - joints).abs().max() < 0.02


@pytest.mark.parametrize("targets", [on_cells, between_cells])
def test_who_is_not_seen_has_no_target(targets):
    joints = torch.tensor([[[20.0, 20], [20, 20], [-30, 20], [20, 90]]])
    maps, weight = targets(joints, torch.tensor([[1, 0, 1, 1]]), SIZE)
    assert weight[0].tolist() == [1, 0, 0, 0]
    assert maps[0, 0].max() == 1
    assert maps[0, 1:].abs().max() == 0


def test_a_joint_just_outside_keeps_its_weight():
    maps, weight = on_cells(torch.tensor([[[-6.0, 20], [51.0, 20]]]), torch.ones(1, 2), SIZE)
    assert weight[0].tolist() == [1, 1]
    assert (maps[0].amax((1, 2)) < 0.2).all()
