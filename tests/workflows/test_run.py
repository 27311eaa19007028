"""posebeam run and predict on real people: from videos to a model, a label and an overlay."""

import json

import pytest

from posebeam.pipelines.decode import open_clip
from posebeam.workflows.cli import run as posebeam


@pytest.fixture(scope="module")
def source(media):
    return media / "actions"


@pytest.fixture(scope="module")
def out(source, tmp_path_factory):
    """A data set, a model and an overlay, made by one command."""
    out = tmp_path_factory.mktemp("run") / "out"
    assert posebeam(["run", str(source), str(out), "--epochs", "2", "--limit", "6", "--device", "cpu"]) == 0
    return out


def predicted(capsys, *argv):
    capsys.readouterr()
    code = posebeam(["predict", *map(str, argv), "--json"])
    return code, [json.loads(line) for line in capsys.readouterr().out.splitlines()]


@pytest.mark.slow
def test_one_command_leaves_data_model_figures_and_an_overlay(out):
    assert posebeam(["check", str(out / "data")]) == 0
    assert json.loads((out / "model/run.json").read_text())["state"] == "finished"
    assert list((out / "model/evaluation").glob("*.png"))
    with open_clip(out / "overlay.mp4") as overlay:
        assert sum(1 for _ in overlay) >= 60


@pytest.mark.slow
def test_the_same_command_again_goes_on_from_what_is_there(out, source):
    before = {path: path.stat().st_mtime_ns for path in out.glob("data/*/*")}
    weights = (out / "model/model.safetensors").stat().st_mtime_ns
    assert posebeam(["run", str(source), str(out), "--epochs", "2", "--limit", "6", "--device", "cpu"]) == 0
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert (out / "model/model.safetensors").stat().st_mtime_ns == weights


@pytest.mark.slow
def test_windows_are_made_anew_by_the_rule_of_the_data_set_but_for_what_is_said(out, tmp_path):
    """So that the model, whose chain is not the default of build, takes them."""
    assert posebeam(["windows", str(out / "data"), str(tmp_path / "5"), "--stride", "5"]) == 0
    before, now = (
        json.loads((at / "manifest.json").read_text())["config"] for at in (out / "data", tmp_path / "5")
    )
    assert now == before | {"stride": 5}
    assert now["chain"] == "act-window"
    assert posebeam(["evaluate", str(out / "model"), str(tmp_path / "5")]) == 0


@pytest.mark.slow
def test_predict_gives_a_label_with_probabilities_over_time(out, source, capsys):
    code, (facts,) = predicted(capsys, out / "model", source / "walking/garden_1.mp4")
    assert code == 0
    assert facts["label"] in {"balancing", "walking"}
    assert sum(facts["probabilities"].values()) == pytest.approx(1, abs=1e-5)
    assert [window["start"] for window in facts["windows"]] == [0, 15, 30, 45]
    assert facts["windows"][1]["seconds"] == pytest.approx(0.5, abs=0.1)


@pytest.mark.slow
def test_a_video_that_cannot_be_read_does_not_hide_the_others(out, source, tmp_path, capsys):
    (tmp_path / "broken.mp4").write_bytes(bytes(1000))
    code, facts = predicted(capsys, out / "model", tmp_path / "broken.mp4", source / "walking/room_4.webm")
    assert code == 1
    assert {bool(fact["error"]): fact["label"] is None for fact in facts} == {True: True, False: False}


@pytest.mark.slow
def test_the_backbone_can_be_switched_and_the_switch_is_recorded(out, source, capsys):
    clip = source / "walking/room_1.mp4"
    code, (facts,) = predicted(capsys, out / "model", clip, "--backbone", "movenet-thunder")
    assert code == 0
    assert (facts["trained_on"], facts["backbone"]) == ("movenet-lightning", "movenet-thunder")
    assert facts["windows"]


@pytest.mark.slow
def test_a_misspelt_backbone_is_named(out, source, capsys):
    assert (
        posebeam(["predict", str(out / "model"), str(source / "walking/room_1.mp4"), "--backbone", "movnet"]) == 2
    )
    assert "movenet-lightning" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("made", "source", "kind"),
    [
        ("clips/wave/a.mp4", "clips", "videos"),
        ("clips/wave/a.mp4", "clips/wave/*.mp4", "videos"),
        ("clips.csv", "clips.csv", "manifest"),
        ("subset/train.csv", "subset", "manifest"),
        ("UCF101/ucfTrainTestlist/classInd.txt", "UCF101", "ucf101"),
    ],
)
def test_what_source_is_shows_by_what_is_there(made, source, kind, tmp_path, monkeypatch):
    (tmp_path / made).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / made).write_text("")
    steps = []
    monkeypatch.setattr("posebeam.workflows.source.labels_of", lambda *source, limit: {"wave", "jump"})
    monkeypatch.setattr("posebeam.workflows.cli.run", lambda step: steps.append(step) or 1)
    assert posebeam(["run", str(tmp_path / source), str(tmp_path / "out"), "--person", "all"]) == 1
    assert steps == [["build", kind, str(tmp_path / source), str(tmp_path / "out/data"), "--chain", "act-window",
                      "--person", "all"]]  # fmt: skip


def test_the_hybrid_classifier_gets_features_in_place_of_poses(tmp_path, monkeypatch):
    (tmp_path / "clips/wave").mkdir(parents=True)
    steps = []
    monkeypatch.setattr("posebeam.workflows.source.labels_of", lambda *source, limit: {"wave", "jump"})
    monkeypatch.setattr("posebeam.workflows.cli.run", lambda step: steps.append(step) or len(steps) == 3)
    flags = ["--model", "hybrid", "--chain", "act"]
    assert posebeam(["run", str(tmp_path / "clips"), str(tmp_path / "out"), *flags]) == 1
    data, model = str(tmp_path / "out/data"), str(tmp_path / "out/model")
    assert steps == [
        ["build", "videos", str(tmp_path / "clips"), data, "--features", "movenet-lightning"],
        ["train", data, model, "--resume", "--model", "hybrid"],
        ["evaluate", model, data],
    ]


@pytest.fixture
def steps_of(tmp_path, monkeypatch):
    """The steps that run takes of two labels, each of which ends well; the clip to show is a file or a URL."""

    def call(*flags, clip="held-out.mp4"):
        (tmp_path / "clips/wave").mkdir(parents=True, exist_ok=True)
        steps = []
        monkeypatch.setattr("posebeam.workflows.source.labels_of", lambda *source, limit: {"wave", "jump"})
        monkeypatch.setattr("posebeam.workflows.cli.run", lambda step: steps.append(step) or 0)
        monkeypatch.setattr("posebeam.workflows.commands.run._clip_to_show", lambda data: clip)
        assert posebeam(["run", str(tmp_path / "clips"), str(tmp_path / "out"), *flags]) == 0
        return {step[0]: step for step in steps}

    return call


def test_what_stands_behind_two_dashes_goes_to_the_build(steps_of):
    steps = steps_of("--", "--runner=FlinkRunner", "--parallelism=2")
    assert steps["build"][-3:] == ["--", "--runner=FlinkRunner", "--parallelism=2"]
    assert "--runner=FlinkRunner" not in {*steps["train"], *steps["evaluate"], *steps["predict"]}


def test_a_backbone_beside_features_is_not_asked_to_predict(steps_of):
    steps = steps_of("--model", "hybrid", "--backbone", "movenet-thunder")
    assert "movenet-thunder" in steps["build"]
    assert "movenet-thunder" not in steps["predict"]
    assert "movenet-thunder" in steps_of("--backbone", "movenet-thunder")["predict"]


def test_a_clip_that_streams_is_not_shown(steps_of, capsys):
    assert list(steps_of(clip="https://host/held-out.mp4")) == ["build", "train", "evaluate"]
    assert "https://host/held-out.mp4 is shown to predict when it is a file here" in capsys.readouterr().err
