"""Attention: what trained models take from each frame of what they look at."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from posebeam.models.attention import attention_maps
from posebeam.workflows.action.evaluation import rows_of
from posebeam.workflows.action.samples import Reader
from posebeam.workflows.action.trained import Trained
from posebeam.workflows.explain.window import class_token
from posebeam.workflows.report.examples import reader_rows
from posebeam.workflows.report.place import Place

_LOOKED_AT = 400  # rows over all classes

Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Gaze:
    """Means over `count` rows of a part: by_layer [L, T] over all, by_class [C, T] over layers, C classes.

    even [T] is what would be taken if all were alike.
    """

    by_layer: Floats
    by_class: Floats
    even: Floats
    classes: tuple[str, ...]
    count: int


@dataclass(frozen=True, eq=False)
class Looker:
    """A model that attends to frames, and the rows that it may look at: windows, or features of clips.

    Of a window the class token takes; of a clip's features each frame does, and what they take on average counts.
    """

    trained: Trained
    reader: Reader

    @property
    def of_windows(self) -> bool:
        """Whether it looks at windows, by its class token."""
        return self.trained.looks_at_poses

    def at(self, places: Sequence[Place]) -> list[Floats | None]:
        """[L, T] for each row; None for one that the data set does not hold."""
        rows = [reader_rows(self.reader, [place]) for place in places]
        return [self._maps(own)[0][0] if len(own) else None for own in rows]

    def gaze(self, part: str) -> Gaze | None:
        """Over rows of a part, as it was evaluated, evenly drawn of each class; None if it has none."""
        rows, labels = rows_of(self.trained, self.reader, part), self.reader.labels
        present = np.unique(labels[rows]).tolist()
        if not present:
            return None
        each = max(1, _LOOKED_AT // len(present))
        drawn = [_evenly(rows[labels[rows] == label], each) for label in present]
        found = [self._maps(own) for own in drawn]  # a class
        by_class = np.stack([maps.mean((0, 1)) for maps, _ in found])
        maps, even = (np.concatenate(each) for each in zip(*found, strict=True))
        names = tuple(self.reader.classes[label] for label in present)
        return Gaze(maps.mean(0), by_class, even.mean(0), names, len(maps))

    def _maps(self, rows: NDArray[np.int64]) -> tuple[Floats, Floats]:
        """[n, L, T] of n rows, and [n, T], what an even look would take."""
        x, valid = self.reader.take(rows)
        if not self.of_windows:
            return frames_taken(self.trained, x, valid), _evenly_over(valid)
        n, T = x.shape[:2]
        even = np.full((n, T), 1 / (T + 1), np.float32)  # the token itself is one more to look at
        return np.stack([class_token(self.trained, own)[:, 1:] for own in x]), even


def frames_taken(trained: Trained, x: Floats, real: NDArray[np.bool_]) -> Floats:
    """What a clip's frames take from each of them, on average, [n, L, T], of features x [n, T, F].

    real, bool [n, T]: those that are no padding; nothing is asked of the others.
    """
    with attention_maps(trained.network) as maps, torch.inference_mode():
        trained.network(torch.from_numpy(x).to(trained.device))
    found = torch.stack([each.mean(1) for each in maps.values()], 1).float().cpu().numpy()  # [n, L, T, T]
    return np.einsum("nq,nlqk->nlk", _evenly_over(real), found)


def _evenly_over(real: NDArray[np.bool_]) -> Floats:
    """Shares [n, T] of the frames that are real, alike within a clip."""
    return (real / real.sum(1, keepdims=True)).astype(np.float32)


def _evenly(rows: NDArray[np.int64], most: int) -> NDArray[np.int64]:
    return rows[np.unique(np.linspace(0, len(rows) - 1, min(most, len(rows))).round().astype(int))]


def looker(folder: Path, out: Path) -> Looker:
    """The model of a finished run over a data set of what it looks at."""
    trained = Trained.load(folder, "cpu")
    return Looker(trained, trained.kind.read(out))
