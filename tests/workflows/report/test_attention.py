"""Where action models look, as a report tells it: the class token of AcT, the frames of the hybrid classifier."""

import numpy as np
import pytest
import torch

from posebeam.workflows.action.evaluation import answer_part
from posebeam.workflows.action.trained import Trained
from posebeam.workflows.action.training import train
from posebeam.workflows.cli import run as posebeam
from posebeam.workflows.commands.train import TrainConfig
from posebeam.workflows.explain.window import class_token
from posebeam.workflows.report.attention import frames_taken, looker
from posebeam.workflows.report.place import Place


@pytest.fixture(scope="module")
def features(make_features, tmp_path_factory):
    """A data set; clips of even number have 8 frames, the others 20."""
    return make_features(tmp_path_factory.mktemp("data") / "out")


@pytest.fixture(scope="module")
def hybrid(features, tmp_path_factory):
    """A run over it, evaluated."""
    folder = tmp_path_factory.mktemp("runs") / "hybrid"
    train(features, folder, TrainConfig(model="hybrid", epochs=1, batch_size=8, device="cpu"))
    assert posebeam(["evaluate", str(folder), str(features)]) == 0
    return folder


@torch.no_grad()
def test_a_frame_that_all_ask_for_is_taken_by_all(hybrid):
    """Queries all alike, and keys that answer to the first feature alone."""
    trained = Trained.load(hybrid, "cpu")
    attention = trained.network.attention
    attention.query.weight.zero_()
    attention.query.bias.fill_(1.0)
    attention.key.weight.zero_()
    attention.key.weight[:, 0] = 1.0
    x, real = np.full((1, 20, 1280), 0.1, np.float32), np.arange(20)[None] < 12
    x[0, 5, 0], x[~real] = 9.0, 0.0
    (taken,) = frames_taken(trained, x, real)
    assert taken.shape == (1, 20)
    assert taken[0, 5] > 0.99
    assert not taken[0, 12:].any()
    assert taken.sum() == pytest.approx(1)


def test_the_hybrid_s_shares_are_of_real_frames_and_sum_to_one(hybrid, features):
    gaze = looker(hybrid, features).gaze("test")
    assert gaze.by_layer.shape == (1, 20)
    assert (gaze.by_class.shape, gaze.classes) == ((3, 20), ("lift", "rest", "spread"))
    assert gaze.count == 12
    for shares in (gaze.by_layer, gaze.by_class):
        np.testing.assert_allclose(shares.sum(-1), 1, rtol=1e-5)
    # Half of the clips have 8 frames, the others 20.
    np.testing.assert_allclose(gaze.even, np.repeat(((1 / 8 + 1 / 20) / 2, 1 / 40), (8, 12)), rtol=1e-6)


def test_the_token_s_shares_are_the_mean_over_windows(runs, out):
    look = looker(runs[0], out)
    gaze, reader = look.gaze("test"), look.reader
    rows = np.flatnonzero(reader.parts() == "test")
    maps = [class_token(look.trained, x)[:, 1:] for x in reader.take(rows)[0]]
    assert gaze.count == len(rows)
    np.testing.assert_allclose(gaze.by_layer, np.mean(maps, 0), rtol=1e-5)
    np.testing.assert_allclose(gaze.even, np.full(30, 1 / 31), rtol=1e-6)


def test_the_part_is_the_one_that_the_run_was_measured_on(make_windows, tmp_path):
    """Of split 2, and, where the files name no validation part, the groups that validated."""
    out = make_windows(tmp_path / "out")
    train(out, tmp_path / "run", TrainConfig(epochs=1, batch_size=16, split=2, device="cpu"))
    look = looker(tmp_path / "run", out)
    for part in ("test", "validation"):
        answers = answer_part(look.trained, look.reader, part)
        assert look.gaze(part).count == len(answers.label)
    rows = np.flatnonzero(np.isin(look.reader.groups.astype(str), ["g2", "g3"]))  # test in split 2
    maps = [class_token(look.trained, x)[:, 1:] for x in look.reader.take(rows)[0]]
    np.testing.assert_allclose(look.gaze("test").by_layer, np.mean(maps, 0), rtol=1e-5)


def test_a_part_without_rows_has_none_and_a_place_that_is_not_held_has_none(runs, out):
    look = looker(runs[0], out)
    assert look.gaze("nowhere") is None
    held, gone = look.at([Place.of(look.reader, 0), Place("nobody.avi", 0, 0)])
    assert held.shape == (4, 30)
    assert gone is None


def test_a_page_shows_where_the_hybrid_looks(hybrid, tmp_path):
    assert posebeam(["report", str(hybrid), "--html", str(tmp_path / "r.html"), "--no-speed"]) == 0
    text = (tmp_path / "r.html").read_text()
    assert "hybrid: attention by layer" in text
    assert "frames take from each of them: the mean over 12 clips of the test part" in text
