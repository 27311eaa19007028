"""Samples as torch sees them: rows of a data set, an order for each epoch, and the division for validation."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from posebeam.pipelines.clip_table import SilentClips
from posebeam.pipelines.row_group import Ints
from posebeam.transforms.errors import ConfigError, DataError
from posebeam.transforms.split import Shares, split_groups


class MadeRows(Protocol):
    """How rows were made: pipelines/made.py, pipelines/features/made.py.

    shape and seen_shape are those of a row's x and valid; source is who looked at the frames.
    """

    @property
    def source(self) -> str: ...
    @property
    def shape(self) -> tuple[int, ...]: ...
    @property
    def seen_shape(self) -> tuple[int, ...]: ...
    def refuse(self, other: Any, mine: str, others: str) -> None: ...


class Reader(Protocol):
    """What training and evaluation know of a data set: WindowReader, FeatureReader, which say what these are."""

    out: Path
    digest: str
    classes: tuple[str, ...]
    config: dict[str, Any]

    def __len__(self) -> int: ...
    @property
    def made(self) -> Any: ...
    @property
    def labels(self) -> Ints: ...
    @property
    def clips(self) -> NDArray[np.object_]: ...
    @property
    def groups(self) -> NDArray[np.object_]: ...
    @property
    def starts(self) -> Ints: ...
    @property
    def people(self) -> Ints: ...
    @property
    def silent(self) -> SilentClips | None: ...
    def parts(self, split: int = 0) -> NDArray[np.object_]: ...
    def shuffled(self, rows: Ints, rng: np.random.Generator) -> Ints: ...
    def take(self, rows: Ints) -> tuple[NDArray[np.float32], NDArray[np.bool_]]: ...


class Batch(NamedTuple):
    """x float32 and valid bool, [B, 30, 52] and [B, 30, 13] of windows, [B, 20, F] and [B, 20] of features; label
    [B] and clip [B] int64: numbers of classes, clips."""

    x: Tensor
    valid: Tensor
    label: Tensor
    clip: Tensor


class Samples(Dataset[Batch]):
    """Rows of a reader. Whole batches are read at once. `clips` holds the ids that Batch.clip counts."""

    def __init__(self, reader: Reader, rows: Ints):
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
    """Places in Samples, in an order that follows from seed and epoch alone: a resumed run goes on as if
    it had not stopped. Lightning tells the epoch."""

    def __init__(self, samples: Samples, seed: int):
        self._samples = samples
        self._seed = seed
        self._epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """The epoch whose order comes next."""
        self._epoch = epoch

    def __len__(self) -> int:
        return len(self._samples)

    def __iter__(self) -> Iterator[int]:
        rng = np.random.default_rng((self._seed, self._epoch))
        order = self._samples.reader.shuffled(self._samples.rows, rng)
        return iter(np.searchsorted(self._samples.rows, order).tolist())


@dataclass(frozen=True, eq=False)
class Division:
    """Rows [n] that train and that validate, both rising. groups names the groups that validate, clips the clips
    where groups are not kept together."""

    train: Ints
    validation: Ints
    groups: tuple[str, ...]
    clips: tuple[str, ...] = ()


def divide(reader: Reader, split: int, val_part: float, seed: int) -> Division:
    """Training and validation rows of a split; no group stands on both sides, and the test part is not touched.

    A validation part of the data set's own is used; without one, val_part of each class's training groups
    is taken, drawn by seed. val_part 0: nothing validates.
    """
    train, own = _own(reader, split, val_part)
    if len(own) or not val_part:
        return Division(train, own, tuple(sorted(set(reader.groups[own]))))
    pairs = zip(reader.groups[train], reader.labels[train].astype(str), strict=True)
    dealt = split_groups(pairs, seed=seed, shares=Shares(validation=val_part, test=0.0))
    validates = np.array([dealt[group] == "validation" for group in reader.groups[train]])
    return Division(
        train[~validates], train[validates], tuple(g for g, part in dealt.items() if part == "validation")
    )


def divide_last(reader: Reader, split: int, val_part: float) -> Division:
    """The same, but the last val_part of the training rows by clip id validates, whoever is of one group."""
    train, own = _own(reader, split, val_part)
    if len(own) or not val_part:
        return Division(train, own, tuple(sorted(set(reader.groups[own]))))
    clips = reader.clips.astype(str)
    order = train[np.argsort(clips[train], kind="stable")]
    kept = round(len(order) * (1 - val_part))
    return Division(np.sort(order[:kept]), np.sort(order[kept:]), (), tuple(sorted(set(clips[order[kept:]]))))


def _own(reader: Reader, split: int, val_part: float) -> tuple[Ints, Ints]:
    """Rows of the training and of the validation part that the data set says itself."""
    if not 0 <= val_part < 1:
        raise ConfigError(f"val_part: got {val_part}, expected 0 or more and less than 1")
    parts = reader.parts(split)
    train = np.flatnonzero(parts == "train")
    if not len(train):
        raise DataError(f"{reader.out} has no training rows in split {split or 'of its files'}")
    return train, np.flatnonzero(parts == "validation")


def loader(samples: Samples, batch: int, order: Sampler[int] | None = None) -> "DataLoader[Batch]":
    """Batches of Samples, in order or as the sampler says; the last may be smaller."""
    return DataLoader(samples, batch_size=batch, sampler=order, collate_fn=lambda whole: whole)
