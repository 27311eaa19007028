"""The Python API: what the package's docstring shows runs, and the doors are thin, light and exact."""

import inspect
import json
import shutil
import subprocess
import sys
import textwrap

import cv2
import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

import posebeam
from posebeam.pipelines.read import WindowReader
from posebeam.transforms.errors import ConfigError, DataError, DecodeError
from posebeam.workflows.cli import run as posebeam_command

HEAVY = {"torch", "apache_beam", "cv2", "lightning", "pyarrow", "numpy", "click"}


@pytest.fixture(scope="module")
def out(make_windows, tmp_path_factory):
    return make_windows(tmp_path_factory.mktemp("api") / "out", groups=4)


@pytest.fixture(scope="module")
def estimator():
    return posebeam.Estimator("movenet-lightning", device="cpu")


def test_the_example_of_the_docstring_runs(media, tmp_path, monkeypatch, capsys):
    example = inspect.getdoc(posebeam).split("\n\n", 2)[2]
    shutil.copytree(media / "actions", tmp_path / "videos")
    shutil.copy(media / "overlay.jpg", tmp_path / "picture.jpg")
    monkeypatch.chdir(tmp_path)
    exec(compile(textwrap.dedent(example), "example", "exec"), {})
    printed = capsys.readouterr().out
    assert "torch.Size([8, 30, 52])" in printed
    assert "'nose'" in printed
    assert posebeam.check("out/data") == []


def test_importing_it_loads_nothing_heavy_and_every_name_can_be_had():
    code = "import json, sys, posebeam; dir(posebeam); print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not HEAVY & set(json.loads(done.stdout))
    for name in posebeam.__all__:
        assert inspect.getdoc(getattr(posebeam, name))
    assert set(posebeam.__all__) <= set(dir(posebeam))
    with pytest.raises(AttributeError, match="load_windows"):
        posebeam.load_windws  # noqa: B018


def test_the_windows_are_those_of_the_files(out):
    windows, reader = posebeam.load_windows(out, "test"), WindowReader(out)
    rows = np.flatnonzero(reader.parts() == "test")
    assert len(windows) == len(rows)
    assert windows.classes == reader.classes
    x, valid = reader.take(rows)
    (got,) = DataLoader(windows, batch_size=len(rows))
    assert got.x.dtype == torch.float32
    assert got.valid.dtype == torch.bool
    np.testing.assert_array_equal(got.x, x)
    np.testing.assert_array_equal(got.valid, valid)
    np.testing.assert_array_equal(got.label, reader.labels[rows])
    assert list(got.clip) == list(reader.clips[rows])


def test_one_window_is_an_item_with_its_shape_and_the_last_ends_the_iteration(out):
    windows = posebeam.load_windows(str(out))
    item = windows[-1]
    assert list(item.x.shape) == [30, 52]
    assert list(item.valid.shape) == [30, 13]
    assert item.label == windows.labels[-1]
    assert len(list(windows)) == len(windows)
    with pytest.raises(IndexError):
        windows[len(windows)]


def test_official_splits_and_all_of_it(out):
    sizes = [len(posebeam.load_windows(out, official=split)) for split in (0, 1, 2)]
    assert sizes[0] == sizes[1]
    assert len(posebeam.load_windows(out, "all")) == len(WindowReader(out))


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda out: posebeam.load_windows(out, "tset"), ConfigError, "train, validation, test, all"),
        (lambda out: posebeam.load_windows(out, "validation"), DataError, "only in test, train"),
        (lambda out: posebeam.load_windows(out, official=4), ConfigError, "expected 1, 2, 3"),
        (lambda out: posebeam.load_windows(out / "nowhere"), DataError, "nowhere"),
        (lambda out: posebeam.build("videos", out, out / "new", min_scores=0.3), ConfigError, "near: min_score"),
        (lambda out: posebeam.build("videos", out, out / "new", workers="two"), ConfigError, "expected int"),
        (lambda out: posebeam.build("video", out, out / "new"), ConfigError, "ucf101, videos"),
        (lambda out: posebeam.train(out, out / "run", modle="act-base"), ConfigError, "near: model"),
        (lambda out: posebeam.train(out, out / "run", model="act"), ConfigError, "act-micro"),
        (lambda out: posebeam.evaluate(out, out, part="tset"), ConfigError, "train, validation, test"),
        (lambda out: posebeam.predict(out, "a.mp4", fps=3.0), ConfigError, "no setting 'fps'"),
        (lambda out: posebeam.load_model(out), DataError, str),
        (lambda out: posebeam.Estimator("movenet-lightening"), ConfigError, "movenet-lightning"),
    ],
)
def test_what_is_wrong_is_said(out, call, error, says):
    with pytest.raises(error) as caught:
        call(out)
    assert isinstance(caught.value, posebeam.PosebeamError)
    assert (str(out) if says is str else says) in str(caught.value)


def test_a_call_gives_what_the_command_gives(out, tmp_path, capsys):
    record = posebeam.train(out, tmp_path / "call", epochs=1, seed=3, device="cpu")
    command = ["train", str(out), str(tmp_path / "command"), "--epochs", "1", "--seed", "3", "--device", "cpu"]
    assert posebeam_command(command) == 0
    capsys.readouterr()
    assert posebeam_command(["evaluate", str(tmp_path / "command"), str(out), "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert posebeam.evaluate(tmp_path / "call", out) == printed
    assert record["state"] == "finished"
    assert (tmp_path / "call/train.toml").read_text() == (tmp_path / "command/train.toml").read_text()
    model = posebeam.load_model(tmp_path / "call")
    assert model.probabilities(*WindowReader(out).take([0, 1])).shape == (2, len(model.classes))


def test_frames_beyond_a_batch_are_seen_as_those_of_one(estimator, media):
    picture = cv2.cvtColor(cv2.imread(str(media / "overlay.jpg")), cv2.COLOR_BGR2RGB)
    few = posebeam.Estimator("movenet-lightning", device="cpu", batch_size=2)
    seen = few([picture, picture[:, ::-1].copy(), picture])
    assert [people.skeleton_name for people in seen] == ["coco17"] * 3
    np.testing.assert_array_equal(seen[0].xy, seen[2].xy)
    assert estimator([]) == []


@pytest.mark.parametrize(
    "wrong",
    [np.zeros((48, 64, 3), np.float32), np.zeros((48, 64), np.uint8), np.zeros((3, 48, 64), np.uint8), "a.jpg"],
)
def test_what_is_no_picture_is_refused(estimator, wrong):
    with pytest.raises(ConfigError, match=r"expected a list of pictures, each uint8 RGB \[H, W, 3\]"):
        estimator([wrong])


def test_a_video_that_is_none_ends_in_its_reason(estimator, tmp_path):
    (tmp_path / "a.mp4").write_bytes(b"no video")
    with pytest.raises(DecodeError, match="no video stream"):
        next(estimator.video(tmp_path / "a.mp4"))
