"""CropSet: the images of a data set as DINO sees them."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from posebeam.pipelines.images.reader import ImageReader
from posebeam.pipelines.row_group import Ints
from posebeam.transforms.errors import ConfigError, DataError
from posebeam.workflows.dino.crops import Crops, seeded
from posebeam.workflows.pose.data import SampleOrder, chance


class CropSet(Dataset[list[Tensor]]):
    """Crops of the training images of a data set; DataError if it has none.

    Picture p of epoch e is asked for as e * n + p (Samples in pose_data.py): its chance hangs on seed, epoch and
    picture alone, in whichever process, so that a resumed run sees what it would have seen.
    """

    def __init__(self, reader: ImageReader, crops: Crops, seed: int):
        self.reader, self._crops, self._seed = reader, crops, seed
        self.images: Ints = reader.part("train")
        if not len(self):
            raise DataError(f"{reader.out} has no training images: its files are of other parts")

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, number: int) -> list[Tensor]:
        """Crops uint8 [3, h, w], the global ones first."""
        return self.__getitems__([number])[0]

    def __getitems__(self, numbers: Sequence[int]) -> list[list[Tensor]]:
        drawn = [chance(self._seed, number, len(self)) for number in numbers]
        pictures = self.reader.images(self.images[np.array([place for place, _ in drawn])])
        return [
            seeded(self._crops, torch.from_numpy(picture).permute(2, 0, 1), int(rng.integers(2**63)))
            for picture, (_, rng) in zip(pictures, drawn, strict=True)
        ]


def crop_loader(
    samples: CropSet, batch: int, order: SampleOrder, workers: int = 0, devices: int = 1
) -> "DataLoader[list[Tensor]]":
    """Batches of crops, uint8 [B, 3, h, w] each; what fills no batch is left out of an epoch.

    batch: pictures of all devices together; workers: processes a device that cut beside the training.
    """
    own, rest = divmod(batch, devices)
    if rest or own < 1:
        raise ConfigError(f"batches of {batch} on {devices} devices: expected a multiple of their number")
    if len(samples) < batch:
        raise ConfigError(
            f"{samples.reader.out} has {len(samples)} training images, fewer than a batch of {batch}: "
            "--batch-size lowers it"
        )
    samples.reader.readers = devices * max(1, workers)
    return DataLoader(
        samples,
        batch_size=own,
        sampler=order,
        num_workers=workers,
        drop_last=True,
        pin_memory=torch.cuda.is_available(),
    )
