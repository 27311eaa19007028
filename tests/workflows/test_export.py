"""posebeam export: one file that says what it is, and gives what posebeam gives."""

import json
from dataclasses import replace

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file

from posebeam.models.networks.act import build_act
from posebeam.pipelines.read import WindowReader
from posebeam.transforms.errors import PosebeamError
from posebeam.transforms.layout import layout
from posebeam.workflows.action.onnx_model import hold_against_torch
from posebeam.workflows.action.said import Said
from posebeam.workflows.action.trained import Trained
from posebeam.workflows.action.training import train
from posebeam.workflows.cli import run as posebeam
from posebeam.workflows.commands.train import TrainConfig
from posebeam.workflows.export import FORMATS, export


@pytest.fixture(scope="module")
def out(make_windows, tmp_path_factory):
    return make_windows(tmp_path_factory.mktemp("data") / "out")


@pytest.fixture(scope="module")
def trained(out, tmp_path_factory):
    """A run of the default recipe, which predicts from a window and its mirror image."""
    folder = tmp_path_factory.mktemp("runs") / "run"
    train(out, folder, TrainConfig(epochs=1, batch_size=16, device="cpu"))
    return Trained.load(folder, "cpu")


@pytest.fixture(scope="module")
def file(trained, tmp_path_factory):
    """The run as the command exports it."""
    path = tmp_path_factory.mktemp("files") / "new" / "act.onnx"
    assert posebeam(["export", str(trained.folder), str(path)]) == 0
    return path


@pytest.fixture(scope="module")
def session(file):
    return onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])


@pytest.mark.parametrize("n", [1, 5, 100])
def test_onnxruntime_says_what_torch_says_in_batches_of_any_size(trained, session, n):
    windows = np.random.default_rng(n).normal(0, 3, (n, 30, 52)).astype(np.float32)
    logits, probabilities = session.run(["logits", "probabilities"], {"windows": windows})
    with torch.inference_mode():
        expected = trained.network(torch.from_numpy(windows)).numpy()
    np.testing.assert_allclose(logits, expected, atol=1e-5 * max(1, np.abs(expected).max()), rtol=0)
    ours = trained.probabilities(windows, np.ones((n, 30, 13), bool))
    np.testing.assert_allclose(probabilities, ours, atol=1e-5)


def test_it_takes_the_windows_of_a_data_set_as_they_are(out, trained, session):
    x, valid = WindowReader(out).take(np.arange(20))
    (probabilities,) = session.run(["probabilities"], {"windows": x})
    np.testing.assert_allclose(probabilities, trained.probabilities(x, valid), atol=1e-5)


def test_the_graph_is_sound_and_named(file):
    model = onnx.load(file)
    onnx.checker.check_model(model, full_check=True)
    (taken,), given = model.graph.input, model.graph.output
    assert (taken.name, [output.name for output in given]) == ("windows", ["logits", "probabilities"])
    shapes = [[d.dim_param or d.dim_value for d in value.type.tensor_type.shape.dim] for value in (taken, *given)]
    assert shapes == [["batch", 30, 52], ["batch", 3], ["batch", 3]]


def test_the_file_says_what_it_is(trained, session):
    said = session.get_modelmeta().custom_metadata_map
    data = trained.record["data"]
    for name in ("layout", "chain", "backbone", "weights_sha256"):
        assert said[f"posebeam.{name}"] == data[name]
    for name in ("chain_version", "window", "stride", "min_score"):
        assert json.loads(said[f"posebeam.{name}"]) == data[name]
    assert json.loads(said["posebeam.classes"]) == ["lift", "rest", "spread"]
    assert json.loads(said["posebeam.shape"]) == [30, 52]
    assert json.loads(said["posebeam.joints"])[:3] == ["head", "left_shoulder", "right_shoulder"]
    assert json.loads(said["posebeam.mirrored"]) is True
    assert "windows float32 [batch, 30, 52]" in said["posebeam.input"]
    assert "before softmax" in said["posebeam.logits"]
    assert "mirror image" in said["posebeam.probabilities"]


def test_equal_runs_are_equal_bytes_that_name_no_machine(trained, file, tmp_path):
    for name in ("again.onnx", "one.safetensors", "two.safetensors"):
        export(trained, tmp_path / name)
    assert (tmp_path / "again.onnx").read_bytes() == file.read_bytes()
    assert (tmp_path / "one.safetensors").read_bytes() == (tmp_path / "two.safetensors").read_bytes()
    for content in (file.read_bytes(), (tmp_path / "one.safetensors").read_bytes()):
        assert b"site-packages" not in content
        assert b"act.py" not in content
        assert str(trained.folder).encode() not in content


def test_without_mirror_images_probabilities_are_the_softmax_of_the_logits(trained, tmp_path):
    names, recipe = ['a "b"', "c, d", "ü"], {**trained.record["recipe"], "mirrored": False}
    plain = replace(trained, record={**trained.record, "recipe": recipe, "classes": names})
    export(plain, tmp_path / "plain.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "plain.onnx")
    said = session.get_modelmeta().custom_metadata_map
    assert "mirror" not in said["posebeam.probabilities"]
    assert json.loads(said["posebeam.classes"]) == names
    windows = np.random.default_rng(0).standard_normal((4, 30, 52), np.float32)
    logits, probabilities = session.run(None, {"windows": windows})
    np.testing.assert_allclose(probabilities, torch.from_numpy(logits).softmax(-1).numpy(), atol=1e-6)
    np.testing.assert_allclose(probabilities, plain.probabilities(windows, np.ones((4, 30, 13), bool)), atol=1e-5)


@pytest.mark.parametrize("spoil", [lambda bias: bias[0].add_(1e-3), lambda bias: bias.fill_(float("nan"))])
def test_a_graph_that_differs_from_torch_is_refused(trained, file, spoil):
    other = build_act("micro", 3)
    other.load_state_dict(trained.network.state_dict())
    said = Said(other, layout("act13-coco").skeleton.mirror).eval()
    hold_against_torch(file.read_bytes(), said, (30, 52))
    with torch.no_grad():
        spoil(other.head2.bias)
    with pytest.raises(PosebeamError, match=r"gives other logits than torch .* Nothing was written"):
        hold_against_torch(file.read_bytes(), said, (30, 52))


def test_nothing_is_left_of_a_refused_export(trained, tmp_path, monkeypatch):
    def refuse(trained, described, path):
        path.write_bytes(b"half a file")
        raise PosebeamError("other logits")

    monkeypatch.setitem(FORMATS, ".onnx", refuse)
    (tmp_path / "act.onnx").write_bytes(b"an older one")
    with pytest.raises(PosebeamError, match="other logits"):
        export(trained, tmp_path / "act.onnx")
    assert [path.name for path in tmp_path.iterdir()] == ["act.onnx"]
    assert (tmp_path / "act.onnx").read_bytes() == b"an older one"


def test_safetensors_come_back_as_the_network(trained, tmp_path):
    path = tmp_path / "act.safetensors"
    assert posebeam(["export", str(trained.folder), str(path)]) == 0
    with safe_open(path, "pt") as opened:
        said = json.loads(opened.metadata()["posebeam"])
    size, classes = said["posebeam.model"].removeprefix("act-"), json.loads(said["posebeam.classes"])
    network = build_act(size, len(classes), json.loads(said["posebeam.shape"])[0]).eval()
    network.load_state_dict(load_file(path))
    windows = torch.randn(3, 30, 52)
    with torch.inference_mode():
        assert torch.equal(network(windows), trained.network(windows))
    assert (said["posebeam.layout"], said["posebeam.chain"]) == ("act13-coco", "act")


def test_an_unknown_suffix_names_the_known_ones(trained, tmp_path, capsys):
    for name in ("act.tflite", "act"):
        assert posebeam(["export", str(trained.folder), str(tmp_path / name)]) == 2
        assert "known: .onnx, .safetensors" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_runs_and_data_sets_have_formats_of_their_own(out, trained, tmp_path, capsys):
    for source, name, match in (
        (trained.folder, "act.pkl", ".pkl is for data sets"),
        (trained.folder, "act.json", ".json is for data sets"),
    ):
        assert posebeam(["export", str(source), str(tmp_path / name)]) == 2
        assert match in " ".join(capsys.readouterr().err.split())
    assert posebeam(["export", str(out), str(tmp_path / "act.pkl")]) == 1
    assert "holds no poses" in " ".join(capsys.readouterr().err.split())
    assert posebeam(["export", str(out), str(tmp_path / "act.onnx")]) == 2
    assert ".onnx is for runs" in " ".join(capsys.readouterr().err.split())
    assert not list(tmp_path.iterdir())


def test_what_is_no_run_is_refused(tmp_path, capsys):
    assert posebeam(["export", str(tmp_path), str(tmp_path / "act.onnx")]) == 1
    assert "it is no run folder" in capsys.readouterr().err
