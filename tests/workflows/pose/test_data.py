"""The order of samples, and what of the images validates."""

import numpy as np
import pytest

from posebeam.pipelines.images.reader import ImageReader
from posebeam.transforms.errors import ConfigError, DataError
from posebeam.workflows.pose.data import SampleOrder, divide_images

GREY = np.full((8, 8, 3), 90, np.uint8)


class Listed:
    """Samples that are images."""

    def __init__(self, reader):
        self.reader, self.images = reader, np.arange(len(reader))

    def __len__(self):
        return len(self.images)


@pytest.fixture(scope="module")
def grouped(tmp_path_factory, make_images):
    """20 images of 10 groups that train, and 2 that test."""
    pictures = [{"picture": GREY, "group": f"g{n % 10}"} for n in range(20)]
    pictures += [{"picture": GREY, "split": "test", "group": "t"} for _ in range(2)]
    return ImageReader(make_images(tmp_path_factory.mktemp("grouped"), pictures))


def test_an_epoch_asks_for_every_sample_once_by_a_number_that_tells_the_epoch(grouped):
    order = SampleOrder(Listed(grouped), seed=1)
    epochs = []
    for epoch in range(3):
        order.set_epoch(epoch)
        epochs.append([*order])
    assert [sorted(numbers) for numbers in epochs] == [[*range(22 * e, 22 * e + 22)] for e in range(3)]
    assert [n - 22 for n in epochs[1]] != epochs[0]
    resumed = SampleOrder(Listed(grouped), seed=1)
    resumed.set_epoch(2)
    assert [*resumed] == epochs[2]
    assert [*SampleOrder(Listed(grouped), seed=2)] != epochs[0]


def test_groups_stand_on_one_side(grouped):
    parts = divide_images(grouped, 0.3, seed=0)
    assert len(parts.train) == 14
    assert len(parts.validation) == 6
    assert not set(grouped.groups[parts.train]) & set(grouped.groups[parts.validation])
    assert "t" not in grouped.groups[[*parts.train, *parts.validation]]
    again, other = divide_images(grouped, 0.3, seed=0), divide_images(grouped, 0.3, seed=1)
    assert again.validation.tolist() == parts.validation.tolist() != other.validation.tolist()


def test_the_data_sets_own_validation_part_is_used(tmp_path, make_images):
    pictures = [{"picture": GREY, "split": part} for part in ("train", "train", "train", "validation", "test")]
    reader = ImageReader(make_images(tmp_path, pictures))
    parts = divide_images(reader, 0.5, seed=0)
    assert parts.train.tolist() == reader.part("train").tolist()
    assert parts.validation.tolist() == reader.part("validation").tolist()


def test_nothing_validates_where_nothing_shall_or_can(tmp_path, make_images, grouped):
    assert len(divide_images(grouped, 0.0, seed=0).train) == 20
    alone = ImageReader(make_images(tmp_path, [{"picture": GREY}]))
    parts = divide_images(alone, 0.5, seed=0)
    assert (len(parts.train), len(parts.validation)) == (1, 0)


def test_what_cannot_be_divided_is_refused(tmp_path, make_images, grouped):
    with pytest.raises(ConfigError, match="val_part: got 1"):
        divide_images(grouped, 1.0, seed=0)
    with pytest.raises(DataError, match="no training images"):
        divide_images(ImageReader(make_images(tmp_path, [{"picture": GREY, "split": "test"}])), 0.1, seed=0)
