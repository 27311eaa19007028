"""posebeam evaluate: classes by name, chain and layout checked, a backbone switched and said so."""

import json
import shutil

import cv2
import numpy as np
import pytest
import torch

from posebeam.pipelines.read import WindowReader
from posebeam.transforms.errors import DataError
from posebeam.workflows import calls
from posebeam.workflows.action.confusion import draw_confusion
from posebeam.workflows.action.evaluation import evaluate, write_evaluation
from posebeam.workflows.action.metrics import Scores
from posebeam.workflows.action.trained import Trained
from posebeam.workflows.action.training import train
from posebeam.workflows.cli import run as posebeam
from posebeam.workflows.commands.train import TrainConfig


@pytest.fixture(scope="module")
def out(make_windows, tmp_path_factory):
    return make_windows(tmp_path_factory.mktemp("data") / "out")


@pytest.fixture(scope="module")
def run(out, tmp_path_factory):
    """A run on split 2, whose test part is groups 2 and 3."""
    folder = tmp_path_factory.mktemp("runs") / "run"
    train(out, folder, TrainConfig(epochs=20, batch_size=16, split=2, device="cpu"))
    return folder


def test_the_figures_are_those_of_the_model(out, run, capsys):
    capsys.readouterr()
    assert posebeam(["evaluate", str(run), str(out), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    trained, reader = Trained.load(run), WindowReader(out)
    rows = np.flatnonzero(np.isin(reader.groups.astype(str), ["g2", "g3"]))
    right = trained.probabilities(*reader.take(rows)).argmax(1) == reader.labels[rows]
    assert said["window_accuracy"] == pytest.approx(right.mean())
    assert (said["windows"], said["clips"], said["split"], said["part"]) == (len(rows), 3 * 2 * 2, 2, "test")
    assert said["clip_accuracy"] >= 0.9
    low, high = said["clip_accuracy_interval"]
    assert low < said["clip_accuracy"] <= high


def test_clips_without_a_window_count_as_wrong(make_windows, out, run, tmp_path, capsys):
    """Clips 6 and 13 are of groups 2 and 4, which test in splits 2 and 3; the run is of split 2."""
    trained, reader = Trained.load(run), WindowReader(make_windows(tmp_path / "out", silent=(6, 13)))
    result, scores = evaluate(trained, reader, "test")
    whole, _ = evaluate(trained, WindowReader(out), "test")
    assert (result["clips"], result["clips_without_window"], whole["clips_without_window"]) == (12, 1, 0)
    assert result["clip_accuracy"] == scores.clips.trace() / 12
    assert result["clip_accuracy_with_windows"] == scores.clips.trace() / 11
    assert [row["clips"] for row in result["per_class"]] == [4, 4, 4]
    capsys.readouterr()
    assert posebeam(["evaluate", str(run), str(tmp_path / "out")]) == 0
    assert "1 clips, counted as wrong" in " ".join(capsys.readouterr().err.split())


def test_a_data_set_that_lists_no_clips_counts_those_with_windows(make_windows, run, tmp_path, capsys):
    old = make_windows(tmp_path / "out", silent=(6, 13), listed=False)
    result, _ = evaluate(Trained.load(run), WindowReader(old), "test")
    assert (result["clips"], result["clips_without_window"]) == (11, None)
    capsys.readouterr()
    assert posebeam(["evaluate", str(run), str(old)]) == 0
    assert "not known and not counted" in " ".join(capsys.readouterr().err.split())


def test_it_leaves_figures_and_a_picture(out, run, capsys):
    assert posebeam(["evaluate", str(run), str(out)]) == 0
    shown = capsys.readouterr().err
    for text in ("lift", "recall", "precision", "95 %", "balanced"):
        assert text in shown
    stored = json.loads((run / "evaluation/test-movenet-lightning.json").read_text())
    assert np.array(stored["confusion"]).sum() == stored["clips"]
    assert stored["backbone_switch"] is None
    assert len(stored["mistakes"]) == stored["clips"] - np.trace(stored["confusion"])
    assert sum(each["count"] for each in stored["calibration"]["clips"]["bins"]) == stored["clips"]
    assert sum(each["count"] for each in stored["calibration"]["windows"]["bins"]) == stored["windows"]
    assert (run / "evaluation/test-movenet-lightning.png").read_bytes().startswith(b"\x89PNG")


def test_a_data_set_cannot_name_another_place_for_its_figures(make_windows, run, tmp_path):
    """Its manifest may come from anywhere, and the name of its backbone makes a file's."""
    out = make_windows(tmp_path / "out")
    manifest = json.loads((out / "manifest.json").read_text())
    manifest["config"]["backbone"] = "/../../../else/where"
    (out / "manifest.json").write_text(json.dumps(manifest))
    trained = Trained.load(shutil.copytree(run, tmp_path / "a/b/run"))
    name = write_evaluation(trained, *evaluate(trained, WindowReader(out), "test"))
    assert (trained.folder / f"{name}.json").resolve().parent == (trained.folder / "evaluation").resolve()
    assert not list(tmp_path.rglob("where*"))


def test_figures_are_told_before_they_are_kept(out, run, monkeypatch, capsys):
    """RUN may be one that its user may only read."""

    def refuse(*_):
        raise PermissionError(13, "Permission denied", "run/evaluation")

    monkeypatch.setattr("posebeam.workflows.action.evaluation.publish_json", refuse)
    capsys.readouterr()
    assert posebeam(["evaluate", str(run), str(out), "--json"]) == 1
    said = capsys.readouterr()
    assert json.loads(said.out)["clips"] == 12
    assert "Permission denied" in said.err
    with pytest.warns(UserWarning, match="the figures were not kept"):
        assert calls.evaluate(run, out)["clips"] == 12


def test_a_thousand_classes_have_a_picture_too(tmp_path):
    """Of hundreds of inches it would take gigabytes."""
    n = 1300
    counts = np.eye(n, dtype=np.int64)
    draw_confusion(Scores(tuple(map(str, range(n))), counts, counts), "many", tmp_path / "many.png")
    height, width = cv2.imread(str(tmp_path / "many.png")).shape[:2]
    assert max(height, width) < 6000


def test_the_validation_part_is_the_one_of_the_run(out, run):
    trained = Trained.load(run)
    result, _ = evaluate(trained, WindowReader(out), "validation")
    kept = trained.record["validation"]
    assert result["clips"] == kept["clips"]
    assert result["clip_accuracy"] == kept["clip_accuracy"]


def test_a_switched_backbone_is_said_and_recorded(make_windows, run, tmp_path, capsys):
    other = make_windows(tmp_path / "out", backbone="movenet-thunder")
    assert posebeam(["evaluate", str(run), str(other), "--json"]) == 0
    said = capsys.readouterr()
    switch = {"trained": "movenet-lightning", "evaluated": "movenet-thunder"}
    assert json.loads(said.out)["backbone_switch"] == switch
    assert "backbone switched" in said.err
    assert (run / "evaluation/test-movenet-thunder.json").is_file()


@pytest.mark.parametrize(
    ("rule", "what"),
    [({"chain": "act-repaired"}, "chain 'act'"), ({"length": 16}, "window 30")],
)
def test_windows_of_another_make_are_refused(make_windows, run, tmp_path, rule, what):
    other = make_windows(tmp_path / "out", groups=4, **rule)
    with pytest.raises(DataError, match=rf"expects {what}, .*: make windows that fit with posebeam windows"):
        evaluate(Trained.load(run), WindowReader(other), "test")


def test_another_layout_is_refused(out, run, tmp_path):
    manifest = json.loads((out / "manifest.json").read_text())
    manifest["config"]["layout"] = "act13-body25"
    (tmp_path / "windows").symlink_to(out / "windows")
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(DataError, match=r"expects layout 'act13-coco', .* has layout 'act13-body25'"):
        evaluate(Trained.load(run), WindowReader(tmp_path), "test")


def test_classes_are_matched_by_name(make_windows, run, tmp_path):
    """A data set with fewer classes counts them otherwise: spread is 1 here and 2 in the run."""
    fewer = make_windows(tmp_path / "fewer", labels=("lift", "spread"))
    result, scores = evaluate(Trained.load(run), WindowReader(fewer), "test")
    assert result["clip_accuracy"] >= 0.9
    assert scores.clips.sum(1).tolist() == [4, 0, 4]


def test_an_unknown_class_is_an_error(out, make_windows, tmp_path):
    fewer = make_windows(tmp_path / "fewer", labels=("lift", "spread"))
    train(fewer, tmp_path / "run", TrainConfig(epochs=1, device="cpu"))
    with pytest.raises(DataError, match=r"was not trained on: rest; it knows lift, spread"):
        evaluate(Trained.load(tmp_path / "run"), WindowReader(out), "test")


def test_a_part_that_is_not_there_is_said(make_windows, run, tmp_path):
    only = make_windows(tmp_path / "only", groups=2)
    with pytest.raises(DataError, match="no windows in its part 'test' \\(split 2\\)"):
        evaluate(Trained.load(run), WindowReader(only), "test")


def test_what_is_no_run_is_refused(out, run, tmp_path):
    with pytest.raises(DataError, match=r"holds no run.json: it is no run folder"):
        Trained.load(tmp_path)
    (tmp_path / "run.json").write_text((run / "run.json").read_text())
    (tmp_path / "model.safetensors").write_bytes(b"nothing")
    with pytest.raises(DataError, match="does not fit act-micro"):
        Trained.load(tmp_path)


def test_probabilities_are_probabilities_and_shapes_are_checked(run):
    trained = Trained.load(run, "cpu")
    x, valid = np.zeros((700, 30, 52), np.float32), np.ones((700, 30, 13), bool)
    found = trained.probabilities(x, valid)
    assert found.shape == (700, 3)
    np.testing.assert_allclose(found.sum(1), 1, rtol=1e-5)
    assert trained.probabilities(x[:0], valid[:0]).shape == (0, 3)
    with pytest.raises(ValueError, match=r"got x \[700, 29, 52\]"):
        trained.probabilities(x[:, 1:], valid[:, 1:])
    assert not torch.is_grad_enabled() or not trained.network.training
