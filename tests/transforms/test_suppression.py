"""Suppression and rescoring against the published ones, and their laws."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from posebeam.transforms.assign import sigmas
from posebeam.transforms.skeleton import skeleton
from posebeam.transforms.suppression import ALIKE, person_scores, similarity, suppress

SIGMAS = sigmas(skeleton("coco17"))


@pytest.fixture(scope="module")
def golden():
    """Made by HRNet's code: 30 people in 3 pictures; boxes' columns are cx, cy, sx, sy, area, score."""
    with np.load(Path(__file__).parent / "golden" / "suppression.npz") as file:
        return dict(file)


def test_published_similarity_scores_and_choice(golden):
    preds, boxes, image = golden["preds"], golden["boxes"], golden["image"]
    score = person_scores(preds[..., 2], boxes[:, 5])
    alike = similarity(preds[..., :2], boxes[:, 4], SIGMAS)
    assert alike[:5] == pytest.approx(golden["H/oks"], abs=1e-7)
    kept = []
    for number in dict.fromkeys(image.tolist()):
        here = np.flatnonzero(image == number)
        kept += here[suppress(alike[np.ix_(here, here)], score[here])].tolist()
    assert kept == golden["H/kept"].tolist()
    assert score[kept] == pytest.approx(golden["H/score"], abs=1e-6)


def test_joints_that_are_unsure_do_not_count():
    joints = np.array([[0.9, 0.5, 0.2, 0.1], [0.2, 0.2, 0, 0]])
    assert person_scores(joints, np.array([0.5, 1.0])) == pytest.approx([0.35, 0])
    assert person_scores(joints, np.array([0.5, 1.0]), seen=0.05) == pytest.approx([0.2125, 0.2])


def test_who_is_alike_one_that_was_dropped_stays():
    """b is alike a, c alike b only: c stays, for b is gone."""
    alike = np.array([[1, 0.95, 0.5], [0.95, 1, 0.95], [0.5, 0.95, 1]])
    assert suppress(alike, np.array([0.9, 0.8, 0.7])).tolist() == [0, 2]
    assert suppress(alike, np.array([0.7, 0.9, 0.8])).tolist() == [1]


def test_nobody():
    assert suppress(np.zeros((0, 0)), np.zeros(0)).tolist() == []
    assert person_scores(np.zeros((0, 17)), np.zeros(0)).shape == (0,)


@given(st.integers(1, 12), st.integers(0, 99))
def test_the_kept_are_unlike_and_explain_the_dropped(P, seed):
    rng = np.random.default_rng(seed)
    half = rng.uniform(0, 1, (P, P))
    alike, score = np.maximum(np.maximum(half, half.T), np.eye(P)), rng.uniform(0, 1, P)
    kept = suppress(alike, score)
    assert (np.diff(score[kept]) <= 0).all()
    assert (alike[np.ix_(kept, kept)] - np.eye(len(kept)) <= ALIKE).all()
    for dropped in set(range(P)) - set(kept.tolist()):
        assert (alike[dropped, kept[score[kept] >= score[dropped]]] > ALIKE).any()
