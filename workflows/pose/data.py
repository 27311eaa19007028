"""PoseData: batches of people and pictures, their order in each epoch, and what of them validates."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from posebeam.pipelines.images.reader import ImageReader
from posebeam.pipelines.row_group import Ints
from posebeam.transforms.errors import ConfigError, DataError


class PoseBatch(NamedTuple):
    """B persons.

    image          float32 [B, 3, h, w], normalised, in the row's order of colours
    joints         float32 [B, 17, 2]: x and y in pixels of the input, 0 at the MIDDLE of the first pixel
    visible        float32 [B, 17]: weights, 0 or 1
    image_id       int64 [B], -1 where the image has none; annotation_id int64 [B]
    to_source      float64 [B, 2, 3] from points of the input to points of the picture, both counted as joints are
    """

    image: Tensor
    joints: Tensor
    visible: Tensor
    image_id: Tensor
    annotation_id: Tensor
    to_source: Tensor


class PictureBatch(NamedTuple):
    """B pictures with n persons each, which may be none; all positions are parts of the picture without padding.

    image     float32 [B, 3, H, W], normalised, padded with 0 on the right and below
    padding   bool [B, H, W], true in the padding
    boxes     float32 [n, 4] each: cx, cy, w, h
    joints    float32 [n, 17, 2] each: x, y, 0 at the corner of the first pixel
    visible   float32 [n, 17] each: 0 or 1; who has no labelled joint is a box only
    image_id  int64 [B], -1 where the image has none
    """

    image: Tensor
    padding: Tensor
    boxes: list[Tensor]
    joints: list[Tensor]
    visible: list[Tensor]
    image_id: Tensor


class Samples(Protocol):
    """A Dataset whose samples need images. `images` [n] are the numbers of those in the reader, of each sample.

    Sample p of epoch e is asked for as e * n + p, so that what happens to it by chance follows from the seed, the
    epoch and the sample alone, in whichever process: a resumed run sees what it would have seen.
    """

    reader: ImageReader
    images: Ints

    def __len__(self) -> int: ...


class SampleOrder(Sampler[int]):
    """Samples in an order that follows from seed and epoch alone. Lightning tells the epoch."""

    def __init__(self, samples: Samples, seed: int):
        self._samples, self._seed, self._epoch = samples, seed, 0

    def set_epoch(self, epoch: int) -> None:
        """The epoch whose order comes next."""
        self._epoch = epoch

    def __len__(self) -> int:
        return len(self._samples)

    def __iter__(self) -> Iterator[int]:
        rng = np.random.default_rng((self._seed, self._epoch))
        places = self._samples.reader.order(self._samples.images, rng)
        return iter((self._epoch * len(self) + places).tolist())


def chance(seed: int, number: int, samples: int) -> tuple[int, np.random.Generator]:
    """The place of a sample that is asked for by `number`, of so many samples, and its own generator."""
    epoch, place = divmod(number, samples)
    return place, np.random.default_rng((seed, epoch, place + 1))  # 0 would be the order's own stream


@dataclass(frozen=True, eq=False)
class ImageDivision:
    """Numbers of images [n] that train and that validate, both rising."""

    train: Ints
    validation: Ints


def divide_images(reader: ImageReader, val_part: float, seed: int) -> ImageDivision:
    """Images that train and that validate; no group stands on both sides, and the test part is not touched.

    A validation part of the data set's own is used; without one, val_part of the training groups is taken, drawn
    by seed. val_part 0: nothing validates. DataError if there are no images to train on.
    """
    if not 0 <= val_part < 1:
        raise ConfigError(f"val_part: got {val_part}, expected 0 or more and less than 1")
    train, own = reader.part("train"), reader.part("validation")
    if not len(train):
        raise DataError(f"{reader.out} has no training images: its files are of other parts")
    if len(own) or not val_part:
        return ImageDivision(train, own)
    groups, group_of = np.unique(reader.groups[train].astype(str), return_inverse=True)
    count = min(max(1, round(val_part * len(groups))), len(groups) - 1)  # one at least trains
    chosen = np.random.default_rng(seed).permutation(len(groups))[:count]
    validates = np.isin(group_of, chosen)
    return ImageDivision(train[~validates], train[validates])


def pose_loader(
    samples: Dataset[Any], batch: int, order: Sampler[int] | None = None, workers: int = 0
) -> "DataLoader[Any]":
    """Batches of a PersonSet or PictureSet, in order or as the sampler says; the last may be smaller.

    workers: processes that decode beside the training; 0: it decodes itself.
    """
    samples.reader.readers = max(1, workers)  # type: ignore[attr-defined]
    return DataLoader(samples, batch_size=batch, sampler=order, num_workers=workers, collate_fn=_whole)


def _whole(batch: Any) -> Any:
    """What is a batch already."""
    return batch
