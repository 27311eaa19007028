"""WindowItems: the windows of a data set one by one, for training loops of one's own."""

from collections.abc import Sequence
from os import PathLike
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from posebeam.pipelines.read import WindowReader
from posebeam.transforms.errors import ConfigError, DataError
from posebeam.workflows.argument import brought

PARTS = ("train", "validation", "test", "all")


class WindowItem(NamedTuple):
    """x [30, 52] float32: 13 joints x (x, y, vx, vy); valid [30, 13] bool: joints that were seen; label: number of
    the class; clip: id of the clip. A DataLoader puts a batch dimension before all of them."""

    x: Tensor
    valid: Tensor
    label: int
    clip: str


class WindowItems(Dataset[WindowItem]):
    """Windows of one part of a data set. `classes` are the names that labels count; `labels` [n], `clips` [n]
    and `groups` [n] tell of all windows without reading them."""

    def __init__(self, reader: WindowReader, part: str, official: int = 0) -> None:
        """official: 1, 2 or 3, the official split that says what the part is; 0: the one that names the files."""
        if part not in PARTS:
            raise ConfigError(f"split {part!r}, expected one of {', '.join(PARTS)}")
        if official not in (0, 1, 2, 3):
            raise ConfigError(
                f"official split {official!r}, expected 1, 2, 3, or 0 for the one that names the files"
            )
        parts = reader.parts(official)
        self._reader, self._rows = (
            reader,
            np.arange(len(parts)) if part == "all" else np.flatnonzero(parts == part),
        )
        if not len(self._rows):
            raise DataError(f"{reader.out} has no windows in {part!r}, only in {', '.join(sorted(set(parts)))}")
        self.classes, self.made = reader.classes, reader.made
        self.labels, self.clips = reader.labels[self._rows], reader.clips[self._rows]
        self.groups = reader.groups[self._rows]

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, place: int) -> WindowItem:
        return self.__getitems__([range(len(self))[place]])[0]

    def __getitems__(self, places: Sequence[int]) -> list[WindowItem]:
        """Several at once, as DataLoader asks for them."""
        x, valid = (torch.from_numpy(array) for array in self._reader.take(self._rows[list(places)]))
        about = ((int(self.labels[place]), str(self.clips[place])) for place in places)
        return [WindowItem(x[at], valid[at], *told) for at, told in enumerate(about)]


def load_windows(out: str | PathLike[str], split: str = "train", *, official: int = 0) -> WindowItems:
    """The windows of a finished data set, which may lie in a store: split is train, validation, test or all.

    DataError if OUT is unfinished, damaged, without such windows, or without official splits.
    """
    return WindowItems(WindowReader(brought(out, "windows", "clips")), split, official)
