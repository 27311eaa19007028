"""Scores: windows to clips, recalls, intervals."""

from pathlib import Path

import numpy as np
import pytest

from posebeam.workflows.action.metrics import Scores, accuracy, balanced_accuracy, clip_means, confusion, wilson

PARITY = Path(__file__).parents[2] / "models/golden/act.npz"


def test_accuracies_equal_the_published_evaluation():
    with np.load(PARITY) as golden:
        matrix = confusion(golden["metric/true"].astype(int), golden["metric/pred"].astype(int), 20)
        assert accuracy(matrix) == pytest.approx(golden["metric/accuracy"], abs=1e-12)
        assert balanced_accuracy(matrix) == pytest.approx(golden["metric/balanced_accuracy"], abs=1e-12)


def test_rows_are_the_truth():
    matrix = confusion(np.array([0, 0, 1]), np.array([0, 2, 1]), 3)
    assert matrix.tolist() == [[1, 0, 1], [0, 1, 0], [0, 0, 0]]


@pytest.mark.parametrize(
    ("right", "total", "low", "high"),
    # Newcombe, Statistics in Medicine 17 (1998), table I, method 3.
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_equals_a_published_table(right, total, low, high):
    assert wilson(right, total) == pytest.approx((low, high), abs=5e-5)


def test_nothing_seen_says_nothing():
    assert wilson(0, 0) == (0.0, 1.0)


def test_a_clip_is_the_mean_of_its_windows_not_their_vote():
    sure, unsure = [0.05, 0.95], [0.55, 0.45]
    probabilities = np.array([unsure, unsure, sure, unsure], np.float32)
    clip = np.array([0, 0, 0, 1])
    np.testing.assert_allclose(clip_means(probabilities, clip)[0], np.mean([unsure, unsure, sure], 0), rtol=1e-6)
    scores = Scores.of(probabilities, np.array([1, 1, 1, 0]), clip, ["a", "b"])
    summary = scores.summary()
    assert (summary["clip_accuracy"], summary["window_accuracy"]) == (1.0, 0.5)
    assert (summary["clips"], summary["windows"]) == (2, 4)


def test_a_clip_without_a_window_is_wrong():
    probabilities = np.eye(2, dtype=np.float32)[[0, 1, 1]]
    scores = Scores.of(probabilities, np.array([0, 1, 1]), np.arange(3), ["a", "b"], silent=np.array([0]))
    summary = scores.summary()
    assert (summary["clip_accuracy"], summary["clip_accuracy_with_windows"]) == (0.75, 1.0)
    assert summary["clip_accuracy_interval"] == pytest.approx(wilson(3, 4))
    assert summary["balanced_accuracy"] == 0.75
    assert (summary["clips"], summary["clips_without_window"], summary["windows"]) == (4, 1, 3)
    a, _ = scores.per_class()
    assert (a["clips"], a["recall"], a["precision"]) == (2, 0.5, 1.0)
    assert scores.answers.tolist() == [[1, 0, 1], [0, 2, 0]]


def test_without_rows_of_all_clips_nothing_is_said_of_silent_ones():
    scores = Scores.of(np.eye(2, dtype=np.float32), np.array([0, 1]), np.arange(2), ["a", "b"])
    assert (scores.summary()["clips_without_window"], scores.summary()["clip_accuracy"]) == (None, 1.0)


def test_per_class_figures():
    probabilities = np.eye(3, dtype=np.float32)[[0, 1, 1, 1]]
    scores = Scores.of(probabilities, np.array([0, 0, 1, 1]), np.arange(4), ["a", "b", "c"])
    a, b, c = scores.per_class()
    assert (a["clips"], a["recall"], a["precision"]) == (2, 0.5, 1.0)
    assert (b["clips"], b["recall"], b["precision"]) == (2, 1.0, pytest.approx(2 / 3))
    assert (c["clips"], c["recall"], c["precision"]) == (0, None, None)
    assert scores.summary()["balanced_accuracy"] == 0.75
