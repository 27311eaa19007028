"""Answers: which clips were got wrong, and how far a model's confidence can be believed."""

import numpy as np
import pytest

from posebeam.workflows.action.answers import Answers, calibration


def answers(said, label, clip, **more):
    """Answers of two classes; said [n] is the probability of the second."""
    second = np.array(said, np.float32)
    count = len(second)
    names = np.array([f"clip{number}" for number in range(max(clip) + 1)])
    return Answers(
        ("left", "right"), np.stack((1 - second, second), 1), np.array(label), np.array(clip), names,
        np.arange(count) * 10, np.zeros(count, np.int64), **more,
    )  # fmt: skip


def test_mistakes_are_told_the_surest_first_by_their_loudest_window():
    found = answers([0.9, 0.2, 0.8, 0.95, 0.6], [1, 0, 0, 0, 0], [0, 1, 2, 2, 3]).mistakes()
    assert [each["clip_id"] for each in found] == ["clip2", "clip3"]
    first = found[0]
    assert (first["truth"], first["said"], first["windows"], first["start"]) == ("left", "right", 2, 30)
    assert first["probability"] == pytest.approx(0.875)
    assert first["probability_of_truth"] == pytest.approx(0.125)


def test_no_more_mistakes_than_asked_for():
    every = answers([0.9] * 9, [0] * 9, list(range(9)))
    assert len(every.mistakes(4)) == 4
    assert not answers([0.9], [1], [0]).mistakes()


def test_calibration_by_hand():
    """Three windows said with 0.9 of which two are right, one with 0.6 that is right."""
    sure = np.array([[0.1, 0.9], [0.1, 0.9], [0.9, 0.1], [0.4, 0.6]])
    found = calibration(sure, np.array([1, 1, 1, 1]))
    assert [each["count"] for each in found["bins"]] == [1, 3]
    assert found["bins"][1]["accuracy"] == pytest.approx(2 / 3)
    assert found["error"] == pytest.approx((0.4 + 3 * (0.9 - 2 / 3)) / 4)


def test_a_model_that_knows_its_doubts_is_calibrated():
    rng = np.random.default_rng(0)
    sure = rng.uniform(0.5, 1, 20_000)
    truth = (rng.uniform(size=len(sure)) > sure).astype(np.int64)
    honest = np.stack((sure, 1 - sure), 1)
    boasting = np.stack((np.full(len(sure), 0.99), np.full(len(sure), 0.01)), 1)
    assert calibration(honest, truth)["error"] < 0.02
    assert calibration(boasting, truth)["error"] > 0.2


def test_every_answer_stands_in_one_bin():
    """Also those that are sure to the last."""
    sure = np.array([[1.0, 0.0], [0.5, 0.5], [0.0, 1.0]])
    assert sum(each["count"] for each in calibration(sure, np.array([0, 0, 0]))["bins"]) == 3
