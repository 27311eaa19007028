"""Reading heat maps against the published ways, their edge cases, and blobs whose top is known."""

import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from posebeam.models.decoders.heatmaps import blurred, dark, highest, quarter
from posebeam.transforms.framing import FRAMINGS, Pieces, through

ROWS, COLUMNS = np.mgrid[:64, :48]
BOTH = pytest.mark.parametrize("decode", [quarter, dark])


def blobs(mu: np.ndarray, peak: np.ndarray) -> np.ndarray:
    """Gaussians [..., 64, 48] of sigma 2 with their tops at mu [..., 2] (x, y)."""
    away = (COLUMNS - mu[..., 0, None, None]) ** 2 + (ROWS - mu[..., 1, None, None]) ** 2
    return peak[..., None, None] * np.exp(-away / 8)


@pytest.fixture(scope="module")
def golden():
    """Made by HRNet's (H) and TransPose's (T) code, OpenCV's blur."""
    with np.load(Path(__file__).parents[1] / "golden" / "heatmaps.npz") as file:
        return dict(file)


@pytest.fixture(scope="module")
def maps(golden):
    """Noisy blobs [4, 17, 64, 48], one map of zeros, one below zero."""
    noise = np.random.Generator(np.random.PCG64(zlib.crc32(b"0/blobs/noise"))).standard_normal((4, 17, 64, 48))
    made = blobs(golden["mu"], golden["peak"]) + 0.005 * noise
    made[3, 16] = 0
    made[3, 15] = -np.abs(made[3, 15]) - 0.1
    return torch.from_numpy(made.astype(np.float32))


@pytest.mark.parametrize(("family", "framing", "decode"), [("H", "edges", quarter), ("T", "middles", dark)])
def test_joints_equal_the_published_ones(golden, maps, family, framing, decode):
    joints, (cells, score) = decode(maps).numpy(), highest(maps)
    assert (cells.numpy() == golden[f"{family}/argmax"]).all()
    assert (score.numpy() == golden[f"{family}/score"][..., 0]).all()
    assert (joints[..., 2] == score.numpy()).all()
    if family == "T":
        assert joints[..., :2] == pytest.approx(golden["T/cells"], abs=1e-5)
    pieces = Pieces(golden["centre"].astype(float), golden["scale"] * 200.0)
    found = through(joints[..., :2], FRAMINGS[framing].to_source(pieces, (64, 48)))
    assert found == pytest.approx(golden[f"{family}/joints"], abs=1e-4)


def test_the_blur_is_opencvs(maps):
    ours = blurred(maps)[0, 3].numpy()
    alone = np.pad(maps[0, 3].numpy().astype(float), 5)
    assert ours == pytest.approx(cv2.GaussianBlur(alone, (11, 11), 0)[5:-5, 5:-5], abs=1e-12)


def test_the_top_of_a_blob_is_found():
    mu = np.random.default_rng(0).uniform(6, 40, (2, 5, 2))
    maps = torch.from_numpy(blobs(mu, np.full((2, 5), 0.7)).astype(np.float32))
    assert dark(maps)[..., :2].numpy() == pytest.approx(mu, abs=0.02)
    assert np.abs(quarter(maps)[..., :2].numpy() - mu).max() <= 0.5
    assert np.abs(quarter(maps)[..., :2].numpy() - mu).mean() < 0.2 < np.abs(highest(maps)[0] - mu).mean()


@BOTH
@pytest.mark.parametrize("value", [0.0, -0.3])
def test_a_map_without_anything_points_at_the_first_cell(decode, value):
    assert decode(torch.full((1, 2, 8, 6), value))[0, 1].tolist() == pytest.approx([0, 0, value])


@pytest.mark.parametrize(("decode", "first", "last"), [(quarter, 2, 2), (dark, 2, 3)])
def test_no_refinement_at_the_border(decode, first, last):
    """Towards the lower coordinates the first two cells stay; towards the higher the last one, for DARK two."""
    for x in range(48):
        maps = torch.from_numpy(blobs(np.array([[[x + 0.3, 30.0]]]), np.ones((1, 1))).astype(np.float32))
        moved = decode(maps)[0, 0, 0].item() != x
        assert moved == (first <= x <= 48 - last), x


def test_a_plateau_is_left_alone():
    """Constant around its first highest cell: no slope, singular Hessian."""
    maps = torch.zeros(1, 1, 40, 40)
    maps[..., 10:35, 10:35] = 1e-12  # below the floor of the logarithm, after blurring too
    assert quarter(maps)[0, 0, :2].tolist() == [10.25, 10.25]
    assert dark(torch.full((1, 1, 40, 40), 1e-12))[0, 0, :2].tolist() == [0, 0]
    assert dark(maps)[0, 0, :2].tolist() == [10, 10]


@BOTH
def test_a_map_is_read_for_itself(decode, maps):
    alone = torch.stack([torch.stack([decode(one[None, None])[0, 0] for one in each]) for each in maps])
    assert torch.equal(decode(maps), alone)


@BOTH
def test_half_precision_is_read_too(decode, maps):
    assert decode(maps.half()).float().numpy() == pytest.approx(decode(maps).numpy(), abs=0.3)
