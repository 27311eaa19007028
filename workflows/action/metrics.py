"""Scores: how well a model does, per window, per clip and per class."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.int64]
_Z95 = 1.959963984540054  # two-sided 95 % of the normal distribution


def wilson(right: int, total: int) -> tuple[float, float]:
    """95 % interval of a share, also sensible near 0 and 1. Source: Wilson, JASA 22 (1927)."""
    if total == 0:
        return 0.0, 1.0
    share, z2 = right / total, _Z95**2
    middle = (share + z2 / (2 * total)) / (1 + z2 / total)
    half = _Z95 * sqrt(share * (1 - share) / total + z2 / (4 * total**2)) / (1 + z2 / total)
    return max(0.0, middle - half), min(1.0, middle + half)


def confusion(truth: Counts, guess: Counts, classes: int) -> Counts:
    """[classes, classes]: rows are the truth [n], columns what was said [n]."""
    return np.bincount(truth * classes + guess, minlength=classes**2).reshape(classes, classes)


def balanced_accuracy(matrix: Counts) -> float:
    """Mean of the recall over the classes that occur in the truth."""
    there = matrix.sum(1) > 0
    return float((matrix.diagonal()[there] / matrix.sum(1)[there]).mean())


def accuracy(matrix: Counts) -> float:
    """Share of the diagonal."""
    return float(matrix.trace() / matrix.sum())


def clip_means(probabilities: NDArray[np.float32], clip: Counts) -> NDArray[np.float64]:
    """Probabilities [n, classes] of windows to their mean over each clip [clips, classes]; clip [n] counts
    from 0 without a hole."""
    sums = np.zeros((int(clip.max()) + 1, probabilities.shape[1]))
    np.add.at(sums, clip, probabilities)
    return sums / np.bincount(clip)[:, None]


@dataclass(frozen=True, eq=False)
class Scores:
    """Confusion matrices [classes, classes] of windows and of clips; a clip's class is the largest of the mean
    probabilities of its windows.

    silent [classes] counts the clips without a window, to which nothing can be said: they are wrong. None where
    they are not known, then only clips with windows count.
    """

    classes: tuple[str, ...]
    windows: Counts
    clips: Counts
    silent: Counts | None = None

    @classmethod
    def of(
        cls, probabilities: NDArray[np.float32], label: Counts, clip: Counts, classes: Sequence[str],
        silent: Counts | None = None,
    ) -> "Scores":  # fmt: skip
        """probabilities [n, classes] of n windows against their label [n], and which clip [n] they are of; silent
        [m] labels of clips without a window."""
        label_of_clip = np.zeros(int(clip.max()) + 1, np.int64)
        label_of_clip[clip] = label
        guess = clip_means(probabilities, clip).argmax(1)
        return cls(
            tuple(classes),
            confusion(label, probabilities.argmax(1), len(classes)),
            confusion(label_of_clip, guess, len(classes)),
            None if silent is None else np.bincount(silent, minlength=len(classes)),
        )

    @property
    def answers(self) -> Counts:
        """[classes, classes + 1]: clips by truth and what was said of them; the last column is nothing."""
        return np.column_stack((self.clips, np.zeros_like(self.clips[0]) if self.silent is None else self.silent))

    def summary(self) -> dict[str, Any]:
        """The figures, as --json prints them. A clip without a window is wrong, except in the second one."""
        right, clips = int(self.clips.trace()), int(self.answers.sum())
        return {
            "clip_accuracy": right / clips,
            "clip_accuracy_with_windows": accuracy(self.clips),
            "clip_accuracy_interval": list(wilson(right, clips)),
            "window_accuracy": accuracy(self.windows),
            "balanced_accuracy": balanced_accuracy(self.answers),
            "clips": clips,
            "clips_without_window": None if self.silent is None else int(self.silent.sum()),
            "windows": int(self.windows.sum()),
        }

    def per_class(self) -> list[dict[str, Any]]:
        """For each class of the clips: how many there are, recall with its interval, precision."""
        rows = []
        for index, name in enumerate(self.classes):
            right, clips, said = self.clips[index, index], self.answers[index].sum(), self.clips[:, index].sum()
            rows.append(
                {
                    "class": name,
                    "clips": int(clips),
                    "recall": float(right / clips) if clips else None,
                    "recall_interval": list(wilson(int(right), int(clips))),
                    "precision": float(right / said) if said else None,
                }
            )
        return rows
