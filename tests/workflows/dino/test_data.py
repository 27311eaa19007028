"""The images of a data set as DINO sees them: training ones alone, by chance that hangs on epoch and picture."""

import numpy as np
import pytest
import torch

from posebeam.pipelines.images.reader import ImageReader
from posebeam.transforms.errors import ConfigError, DataError
from posebeam.workflows.dino.crops import Crops
from posebeam.workflows.dino.data import CropSet, crop_loader
from posebeam.workflows.dino.recipes import Cuts
from posebeam.workflows.pose.data import SampleOrder

INPUT, IMAGES = (32, 16), 7


@pytest.fixture(scope="module")
def reader(make_images, tmp_path_factory) -> ImageReader:
    """Seven training images of noise and one test image, white."""
    rng = np.random.default_rng(0)
    pictures = [{"picture": rng.integers(0, 200, (40, 60, 3), np.uint8)} for _ in range(IMAGES)]
    pictures.append({"picture": np.full((40, 60, 3), 255, np.uint8), "split": "test"})
    return ImageReader(make_images(tmp_path_factory.mktemp("images") / "out", pictures, row_group=3))


def epoch_of(reader, epoch, seed=0, workers=0):
    samples = CropSet(reader, Crops(Cuts(local=1, local_size=0.5), INPUT), seed)
    order = SampleOrder(samples, seed)
    order.set_epoch(epoch)
    return list(crop_loader(samples, 3, order, workers))


def equal(one, other):
    return all(
        torch.equal(a, b) for left, right in zip(one, other, strict=True) for a, b in zip(left, right, strict=True)
    )


def test_batches_hold_a_tensor_a_crop_and_what_fills_none_is_left_out(reader):
    batches = epoch_of(reader, 0)
    assert len(batches) == 2
    for batch in batches:
        assert [tuple(crops.shape) for crops in batch] == [(3, 3, 32, 16), (3, 3, 32, 16), (3, 3, 16, 8)]
        assert {crops.dtype for crops in batch} == {torch.uint8}


def test_only_training_images_are_seen(reader):
    assert len(CropSet(reader, Crops(Cuts(), INPUT), 0)) == IMAGES


def test_seed_and_epoch_decide_and_nothing_else(reader):
    third = epoch_of(reader, 3)
    assert equal(third, epoch_of(reader, 3))
    assert equal(third, epoch_of(reader, 3, workers=2))
    assert not equal(third, epoch_of(reader, 4))
    assert not equal(third, epoch_of(reader, 3, seed=1))


def test_a_picture_is_cut_alike_wherever_it_stands_in_the_order(reader):
    samples = CropSet(reader, Crops(Cuts(), INPUT), 0)
    fourth = 2 * IMAGES + 4  # of epoch 2
    alone, among = samples[fourth], samples.__getitems__([2 * IMAGES, fourth])[1]
    assert all(map(torch.equal, alone, among))
    assert not any(map(torch.equal, alone, samples[IMAGES + 4]))


def test_too_few_images_and_odd_batches_are_refused(reader, make_images, tmp_path):
    samples = CropSet(reader, Crops(Cuts(), INPUT), 0)
    with pytest.raises(ConfigError, match=r"7 training images, fewer than a batch of 8: --batch-size"):
        crop_loader(samples, 8, SampleOrder(samples, 0))
    with pytest.raises(ConfigError, match="batches of 5 on 2 devices"):
        crop_loader(samples, 5, SampleOrder(samples, 0), devices=2)
    white = {"picture": np.full((40, 60, 3), 255, np.uint8), "split": "test"}
    with pytest.raises(DataError, match="no training images"):
        CropSet(ImageReader(make_images(tmp_path / "out", [white])), Crops(Cuts(), INPUT), 0)
