"""The hybrid classifier from features to a run: trained, measured, exported and asked as AcT is."""

import json

import numpy as np
import onnxruntime
import pytest
import torch
from safetensors.torch import load_file

from posebeam.models.networks.hybrid import MASKS, Hybrid
from posebeam.pipelines.features.reader import FeatureReader
from posebeam.transforms.errors import ConfigError, DataError
from posebeam.workflows.action.evaluation import evaluate
from posebeam.workflows.action.samples import divide_last
from posebeam.workflows.action.trained import Trained
from posebeam.workflows.action.training import train
from posebeam.workflows.cli import run as posebeam
from posebeam.workflows.commands.train import TrainConfig


@pytest.fixture(scope="module")
def out(make_features, tmp_path_factory):
    """Clip 6 of group 2, which tests in split 2, could not be read."""
    return make_features(tmp_path_factory.mktemp("data") / "out", unread=(6,))


@pytest.fixture(scope="module")
def run(out, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "run"
    flags = ["--model", "hybrid", "--split", "2", "--epochs", "12", "--batch-size", "8", "--device", "cpu"]
    assert posebeam(["train", str(out), str(folder), *flags]) == 0
    return folder


def hybrid(**flags):
    return TrainConfig(**{"model": "hybrid", "device": "cpu", "epochs": 1, **flags})


def test_it_learns_and_the_run_folder_says_how(out, run):
    record = json.loads((run / "run.json").read_text())
    assert (record["state"], record["model"], record["epochs"]) == ("finished", "hybrid", 12)
    assert record["validation"]["clip_accuracy"] >= 0.8
    recipe = record["recipe"]
    assert (recipe["name"], recipe["mask"], recipe["division"]) == ("hybrid", "clip", "groups")
    assert (recipe["rate"], recipe["monitor"]) == (1e-3, "val_loss")
    assert record["data"]["features"] == "movenet-lightning"
    assert record["parameters"] == sum(p.numel() for p in Hybrid(3, features=1280).parameters())
    assert record["windows"]["train"] + record["windows"]["validation"] == 3 * 6 * 2


def test_the_published_recipe_is_5_epochs_of_32_with_the_published_mask_and_the_last_rows(out, tmp_path):
    record = train(out, tmp_path / "run", TrainConfig(model="hybrid", recipe="hybrid-published", device="cpu"))
    assert (record["epochs"], record["recipe"]["batch"]) == (5, 32)
    assert Trained.load(tmp_path / "run").network.mask == "published"
    clips = sorted(FeatureReader(out).clips[FeatureReader(out).parts(0) == "train"])
    assert record["validation_clips"] == clips[-len(record["validation_clips"]) :]
    assert record["windows"]["validation"] == round(0.15 * len(clips))
    result, _ = evaluate(Trained.load(tmp_path / "run"), FeatureReader(out), "validation")
    assert result["clips"] == record["windows"]["validation"]
    assert result["clip_accuracy"] == record["validation"]["clip_accuracy"]


def test_the_last_rows_may_be_of_groups_that_train(out):
    reader = FeatureReader(out)
    division = divide_last(reader, 1, 0.15)
    assert not set(division.train) & set(division.validation)
    assert set(reader.groups[division.train]) & set(reader.groups[division.validation])
    assert not (reader.parts(1)[np.concatenate((division.train, division.validation))] == "test").any()


def test_a_clip_that_could_not_be_read_counts_as_wrong(out, run, capsys):
    result, scores = evaluate(Trained.load(run), FeatureReader(out), "test")
    assert (result["clips"], result["clips_without_window"], result["backbone"]) == (12, 1, "movenet-lightning")
    assert result["clip_accuracy"] == scores.clips.trace() / 12 >= 0.7
    capsys.readouterr()
    assert posebeam(["evaluate", str(run), str(out)]) == 0
    shown = capsys.readouterr().err
    assert "1 clips, counted as wrong" in " ".join(shown.split())
    assert "features" in shown
    assert (run / "evaluation/test-movenet-lightning.png").is_file()


def test_a_resumed_run_ends_where_an_undisturbed_one_does(out, tmp_path, monkeypatch):
    from posebeam.workflows.trainer import EpochLines

    config = hybrid(epochs=3, val_part=0.0)
    train(out, tmp_path / "whole", config)
    plain = EpochLines.on_train_epoch_end

    def stop(self, trainer, module):
        if trainer.current_epoch == 2:
            raise RuntimeError("power cut")
        plain(self, trainer, module)

    monkeypatch.setattr(EpochLines, "on_train_epoch_end", stop)
    with pytest.raises(RuntimeError, match="power cut"):
        train(out, tmp_path / "cut", config)
    monkeypatch.undo()
    train(out, tmp_path / "cut", config, resume=True)
    whole, cut = (load_file(tmp_path / name / "model.safetensors") for name in ("whole", "cut"))
    assert all(torch.equal(whole[name], cut[name]) for name in whole)


def test_data_of_other_features_or_without_any_are_refused(make_features, make_windows, run, tmp_path):
    trained = Trained.load(run)
    other = FeatureReader(make_features(tmp_path / "other", groups=2, features="densenet121"))
    with pytest.raises(DataError, match=r"expects features 'movenet-lightning', .* has 'densenet121'"):
        evaluate(trained, other, "test")
    with pytest.raises(DataError, match="holds no features"):
        train(make_windows(tmp_path / "windows", groups=2), tmp_path / "run", hybrid())
    with pytest.raises(DataError, match="holds no windows"):
        train(other.out, tmp_path / "run", TrainConfig(epochs=1))


def test_mistakes_are_named(out, tmp_path):
    for flags, match in (
        ({"recipe": "default"}, "known: hybrid, hybrid-published"),
        ({"mask": "half"}, "expected one of clip, published, keys, none"),
        ({"mask": "clip", "model": "act-micro"}, "concerns the hybrid classifier"),
        ({"recipe": "hybrid", "model": "act-micro"}, "known: default, published"),
        ({"model": "act-huge"}, "known: act-micro, .*, hybrid"),
    ):
        with pytest.raises(ConfigError, match=match):
            train(out, tmp_path / "run", hybrid(**flags))


@pytest.mark.parametrize("mask", MASKS)
def test_an_exported_graph_says_what_predict_says_whatever_the_mask(out, tmp_path, mask):
    train(out, tmp_path / "run", hybrid(mask=mask))
    trained, file = Trained.load(tmp_path / "run", "cpu"), tmp_path / "hybrid.onnx"
    assert posebeam(["export", str(tmp_path / "run"), str(file)]) == 0
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    x, real = FeatureReader(out).take(np.arange(20))
    assert not real.all()
    _, probabilities = session.run(["logits", "probabilities"], {"features": x})
    np.testing.assert_allclose(probabilities, trained.probabilities(x, real), atol=1e-5)
    said = session.get_modelmeta().custom_metadata_map
    assert (said["posebeam.mask"], said["posebeam.features"]) == (mask, "movenet-lightning")
    assert "features float32 [batch, 20, 1280]" in said["posebeam.input"]


def test_safetensors_come_back_as_the_network(run, tmp_path):
    assert posebeam(["export", str(run), str(tmp_path / "hybrid.safetensors")]) == 0
    network = Hybrid(3, features=1280)
    network.load_state_dict(load_file(tmp_path / "hybrid.safetensors"))


def test_real_videos_are_built_trained_and_predicted(media, tmp_path, capsys):
    """What predict says of a video is what its row of features gives."""
    out, folder = tmp_path / "out", tmp_path / "run"
    actions = media / "actions"
    assert posebeam(["build", "videos", str(actions), str(out), "--features", "movenet-lightning"]) == 0
    assert posebeam(["check", str(out)]) == 0
    train(out, folder, hybrid(val_part=0.0))
    reader = FeatureReader(out)
    row = np.flatnonzero(reader.clips == "walking/garden_1.mp4")
    want = Trained.load(folder, "cpu").probabilities(*reader.take(row))[0]
    capsys.readouterr()
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"nothing")
    video = str(actions / "walking/garden_1.mp4")
    assert posebeam(["predict", str(folder), video, str(broken), "--json", "--device", "cpu"]) == 1
    said, failed = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    np.testing.assert_allclose(list(said["probabilities"].values()), want, atol=1e-6)
    assert said["backbone"] == "movenet-lightning"
    assert failed["error"]
    refused = {
        "--flip": "--flip concerns poses", "--min-score=0.3": "--min-score concerns poses",
        "--backbone=movenet-thunder": "not at poses",
    }  # fmt: skip
    for flag, match in refused.items():
        assert posebeam(["predict", str(folder), video, flag]) == 2
        assert match in " ".join(capsys.readouterr().err.split())
    assert posebeam(["explain", video, str(tmp_path / "a.png"), "--run", str(folder)]) == 2
    assert "no class token" in " ".join(capsys.readouterr().err.split())
    assert posebeam(["predict", str(folder), video]) == 0
    assert "over time" not in capsys.readouterr().err


def test_predict_wants_the_weights_that_the_features_were_of(out, run, media, capsys):
    """The made features claim weights of a sha256 that no file has."""
    assert posebeam(["predict", str(run), str(media / "actions/walking/garden_1.mp4")]) == 1
    assert "name the file that it was trained with" in " ".join(capsys.readouterr().err.split())
