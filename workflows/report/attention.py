"""Attention: what a trained model's class token takes from the frames of windows."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from posebeam.pipelines.read import WindowReader
from posebeam.workflows.action.trained import Trained
from posebeam.workflows.explain.window import class_token
from posebeam.workflows.report.examples import reader_rows
from posebeam.workflows.report.place import Place

_LOOKED_AT = 400  # windows over all classes

Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Gaze:
    """Means over `windows` windows of a part: by_layer [L, T] over all, by_class [C, T] over layers, C classes."""

    by_layer: Floats
    by_class: Floats
    classes: tuple[str, ...]
    windows: int


@dataclass(frozen=True, eq=False)
class Looker:
    """A model whose class token attends to frames, and the windows that it may look at."""

    trained: Trained
    reader: WindowReader

    def at(self, places: Sequence[Place]) -> list[Floats | None]:
        """[L, T] for each window; None for one that the data set does not hold."""
        rows = [reader_rows(self.reader, [place]) for place in places]
        return [self._maps(self.reader.take(own)[0][0]) if len(own) else None for own in rows]

    def gaze(self, part: str) -> Gaze | None:
        """Over windows of a part of the files, evenly drawn of each class; None if it has none."""
        parts, labels = self.reader.parts(), self.reader.labels
        rows = np.flatnonzero(parts == part)
        present = np.unique(labels[rows]).tolist()
        if not present:
            return None
        each = max(1, _LOOKED_AT // len(present))
        drawn = [_evenly(rows[labels[rows] == label], each) for label in present]
        maps = [np.stack([self._maps(x) for x in self.reader.take(own)[0]]) for own in drawn]  # [n, L, T] a class
        by_class = np.stack([own.mean((0, 1)) for own in maps])
        names = tuple(self.reader.classes[label] for label in present)
        return Gaze(np.concatenate(maps).mean(0), by_class, names, sum(map(len, drawn)))

    def _maps(self, x: Floats) -> Floats:
        """[L, T] of a window [T, 52], without what the token takes from itself."""
        return class_token(self.trained, x)[:, 1:]


def _evenly(rows: NDArray[np.int64], most: int) -> NDArray[np.int64]:
    return rows[np.unique(np.linspace(0, len(rows) - 1, min(most, len(rows))).round().astype(int))]


def looker(folder: Path, out: Path) -> Looker:
    """The model of a finished run over a data set with windows."""
    return Looker(Trained.load(folder, "cpu"), WindowReader(out))
