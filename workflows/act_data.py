"""Windows as torch sees them: a data set of rows, an order for each epoch, and the division for validation."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from posebeam.pipelines.read import Ints, WindowReader
from posebeam.transforms.errors import ConfigError, DataError
from posebeam.transforms.split import Shares, split_groups


class Batch(NamedTuple):
    """x [B, 30, 52] float32, valid [B, 30, 13] bool, label [B] and clip [B] int64: numbers of classes, clips."""

    x: Tensor
    valid: Tensor
    label: Tensor
    clip: Tensor


class WindowSet(Dataset[Batch]):
    """Rows of a reader. Whole batches are read at once. `clips` holds the ids that Batch.clip counts."""

    def __init__(self, reader: WindowReader, rows: Ints):
        self.reader = reader
        self.rows = rows
        self.clips, self.clip = np.unique(reader.clips[rows].astype(str), return_inverse=True)
        self.label = reader.labels[rows]

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, place: int) -> Batch:
        return self.__getitems__([place])

    def __getitems__(self, places: Sequence[int]) -> Batch:
        x, valid = self.reader.take(self.rows[places])
        label, clip = self.label[places], self.clip[places]
        return Batch(*(torch.from_numpy(array) for array in (x, valid, label, clip)))


class EpochOrder(Sampler[int]):
    """Places in a WindowSet, in an order that follows from seed and epoch alone: a resumed run goes on as if
    it had not stopped. Lightning tells the epoch."""

    def __init__(self, windows: WindowSet, seed: int):
        self._windows = windows
        self._seed = seed
        self._epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """The epoch whose order comes next."""
        self._epoch = epoch

    def __len__(self) -> int:
        return len(self._windows)

    def __iter__(self) -> Iterator[int]:
        rng = np.random.default_rng((self._seed, self._epoch))
        order = self._windows.reader.shuffled(self._windows.rows, rng)
        return iter(np.searchsorted(self._windows.rows, order).tolist())


@dataclass(frozen=True, eq=False)
class Division:
    """Rows [n] that train and that validate, both rising. groups names the groups that validate."""

    train: Ints
    validation: Ints
    groups: tuple[str, ...]


def divide(reader: WindowReader, split: int, val_part: float, seed: int) -> Division:
    """Training and validation rows of a split; no group stands on both sides, and the test part is not touched.

    A validation part of the data set's own is used; without one, val_part of each class's training groups
    is taken, drawn by seed. val_part 0: nothing validates.
    """
    if not 0 <= val_part < 1:
        raise ConfigError(f"val_part: got {val_part}, expected 0 or more and less than 1")
    parts = reader.parts(split)
    train = np.flatnonzero(parts == "train")
    if not len(train):
        raise DataError(f"{reader.out} has no training windows in split {split or 'of its files'}")
    own = np.flatnonzero(parts == "validation")
    if len(own) or not val_part:
        return Division(train, own, tuple(sorted(set(reader.groups[own]))))
    pairs = zip(reader.groups[train], reader.labels[train].astype(str), strict=True)
    dealt = split_groups(pairs, seed=seed, shares=Shares(validation=val_part, test=0.0))
    validates = np.array([dealt[group] == "validation" for group in reader.groups[train]])
    return Division(
        train[~validates], train[validates], tuple(g for g, part in dealt.items() if part == "validation")
    )


def loader(windows: WindowSet, batch: int, order: Sampler[int] | None = None) -> "DataLoader[Batch]":
    """Batches of a WindowSet, in order or as the sampler says; the last may be smaller."""
    return DataLoader(windows, batch_size=batch, sampler=order, collate_fn=lambda whole: whole)
