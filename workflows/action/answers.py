"""Answers: what a model said of every window of a part of a data set, and how far it can be believed."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posebeam.workflows.action.metrics import Counts, Scores, clip_means

_BINS = 10
_MISTAKES = 24  # clips that are told of, the surest first


@dataclass(frozen=True, eq=False)
class Answers:
    """Probabilities [n, classes] of n windows of m clips.

    label    int64 [n]       the windows' classes
    clip     int64 [n]       which clip a window is of, from 0 without a hole
    clip_ids str [m]         the clips' names
    start    int64 [n]       number of a window's first frame
    person   int64 [n]       whose window it is
    silent   int64 [k]       classes of the clips without a window, as Scores.of takes them; None: not known
    """

    classes: tuple[str, ...]
    probabilities: NDArray[np.float32]
    label: Counts
    clip: Counts
    clip_ids: NDArray[np.str_]
    start: Counts
    person: Counts
    silent: Counts | None = None

    @cached_property
    def scores(self) -> Scores:
        """Right and wrong, by class."""
        return Scores.of(self.probabilities, self.label, self.clip, self.classes, self.silent)

    @cached_property
    def _means(self) -> NDArray[np.float64]:
        return clip_means(self.probabilities, self.clip)

    @cached_property
    def _truth(self) -> Counts:
        """[m] classes of the clips."""
        truth = np.zeros(len(self._means), np.int64)
        truth[self.clip] = self.label
        return truth

    def mistakes(self, most: int = _MISTAKES) -> list[dict[str, Any]]:
        """The clips of which something wrong was said, the surest first; clips without a window are left out.

        Each names its window that speaks loudest for the wrong class, by start and person.
        """
        said = self._means.argmax(1)
        wrong = np.flatnonzero(said != self._truth)
        surest = wrong[np.argsort(-self._means[wrong, said[wrong]], kind="stable")][:most]
        return [self._mistake(int(number), int(said[number])) for number in surest]

    def _mistake(self, number: int, said: int) -> dict[str, Any]:
        own, truth = np.flatnonzero(self.clip == number), int(self._truth[number])
        loudest = own[self.probabilities[own, said].argmax()]
        return {
            "clip_id": str(self.clip_ids[number]),
            "truth": self.classes[truth],
            "said": self.classes[said],
            "probability": float(self._means[number, said]),
            "probability_of_truth": float(self._means[number, truth]),
            "windows": len(own),
            "start": int(self.start[loudest]),
            "person": int(self.person[loudest]),
        }

    def calibration(self) -> dict[str, Any]:
        """Confidence against accuracy, of windows and of clips with windows."""
        return {
            "windows": calibration(self.probabilities, self.label),
            "clips": calibration(self._means, self._truth),
        }


def calibration(probabilities: NDArray[np.floating], truth: Counts, bins: int = _BINS) -> dict[str, Any]:
    """How often what was said with some confidence is right: probabilities [n, classes] against truth [n].

    Ten equal bins of the largest probability, those with something in them; error is the expected calibration
    error: the mean distance of confidence and accuracy, bins weighed by their counts.
    Source: Guo et al., On Calibration of Modern Neural Networks, ICML 2017, arXiv 1706.04599, equation 3.
    """
    sure, right = probabilities.max(1).astype(np.float64), probabilities.argmax(1) == truth
    place = np.clip(np.ceil(sure * bins).astype(int) - 1, 0, bins - 1)  # bins are open below, as in the paper
    held = [np.flatnonzero(place == index) for index in range(bins)]
    found = [
        {
            "low": index / bins,
            "high": (index + 1) / bins,
            "count": len(own),
            "confidence": float(sure[own].mean()),
            "accuracy": float(right[own].mean()),
        }
        for index, own in enumerate(held)
        if len(own)
    ]
    error = sum(each["count"] * abs(each["confidence"] - each["accuracy"]) for each in found) / len(truth)
    return {"error": error, "bins": found}
