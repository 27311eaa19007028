"""Which part of a frame is looked at, what its pixels become, how short clips are filled up."""

from pathlib import Path

import numpy as np
import pytest
import torch

from posebeam.models.clip_features import central_box, filled_up
from posebeam.models.crop import box_matrix, crop
from posebeam.models.pixels import normalised


def test_pixels_become_what_keras_makes_of_them():
    with np.load(Path(__file__).parent / "golden" / "hybrid.npz") as file:
        rgb, want = (torch.from_numpy(file[f"preprocess/{name}"]) for name in ("rgb", "result"))
    found = normalised(rgb.permute(2, 0, 1)[None].clone(), "rgb")[0].permute(1, 2, 0)
    assert (found - want).abs().max() <= 1e-6 * want.abs().max()


@pytest.mark.parametrize(
    ("size", "box"),
    [
        ((240, 320), (96, 56, 224, 184)),
        ((129, 131), (1, 0, 129, 128)),
        ((128, 128), (0, 0, 128, 128)),
        ((100, 300), (100, 0, 200, 100)),
    ],
)
def test_the_middle_of_a_picture(size, box):
    assert central_box(*size) == box


def test_it_is_cut_and_not_resized():
    frame = np.random.default_rng(0).integers(0, 256, (240, 320, 3), dtype=np.uint8)
    x0, y0, x1, y1 = box = central_box(240, 320)
    cut = crop([frame], box_matrix(box, (128, 128))[None], (128, 128), torch.device("cpu"))
    assert cut[0].permute(1, 2, 0).numpy() == pytest.approx(frame[y0:y1, x0:x1], abs=0.01)


@pytest.mark.parametrize("count", [0, 3, 20, 25])
def test_clips_have_one_length(count):
    features = np.random.default_rng(0).random((count, 4), np.float32) + 1
    full = filled_up(features, 20)
    assert full.shape == (20, 4)
    assert np.array_equal(full[: min(count, 20)], features[:20])
    assert (full[count:] == 0).all()
