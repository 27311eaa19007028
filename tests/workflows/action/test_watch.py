"""Watching videos: windows as in training, labels where these are, overlays that replace no video."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from posebeam.pipelines.manifest import make_manifest
from posebeam.pipelines.plan import Plan
from posebeam.pipelines.settings import PoseSettings, Settings
from posebeam.transforms.errors import ConfigError
from posebeam.transforms.people import People
from posebeam.transforms.skeleton import skeleton
from posebeam.transforms.windows import WindowRule
from posebeam.workflows.action.prediction import predict
from posebeam.workflows.action.trained import Trained
from posebeam.workflows.action.watch import overlay_paths, rule_of, watch
from posebeam.workflows.commands.predict import PredictConfig
from posebeam.workflows.explain.window import frames_of
from posebeam.workflows.video_sink import VideoSink


def trained_on(rule: WindowRule) -> Trained:
    """A model of windows by a rule, as far as its record says how they were made."""
    settings = Settings(PoseSettings("videos", "movenet-lightning", "0" * 64), rule)
    config = make_manifest(Plan(settings, ("a", "b"), {}, 0, 0), [], "coco17")["config"]
    return Trained(Path("run"), {"model": "act-micro", "data": config}, nn.Identity(), torch.device("cpu"))


@pytest.mark.parametrize(
    "rule",
    [
        WindowRule(min_score=0.2),
        WindowRule(min_score=0.2, gaps="drop"),
        WindowRule(min_score=0.3, gaps="drop", length=20, stride=5, person="all", chain="act-window"),
    ],
)
def test_videos_are_cut_into_windows_as_the_training_data_were(rule):
    assert rule_of(trained_on(rule), "movenet-lightning", -1.0) == rule


def test_a_record_of_before_means_windows_with_their_gaps():
    trained = trained_on(WindowRule(min_score=0.2))
    assert "gaps" not in trained.record["data"]
    assert rule_of(trained, "movenet-lightning", -1.0).gaps == "keep"


class Blinking:
    """Sees somebody in the frames that are named, and nobody in the others."""

    name, min_score, device_kind, halvings = "blinking", 0.2, "cpu", 0
    several, wants_hints, batch_size = False, False, 8

    def __init__(self, shown):
        self.skeleton, self.shown, self.number = skeleton("coco17"), shown, -1

    def __call__(self, frames, hints):
        return [self._next() for _ in frames]

    def _next(self):
        self.number += 1
        if self.number not in self.shown:
            return People.nobody("coco17")
        xy = np.random.default_rng(self.number).uniform(10, 50, (1, 17, 2)).astype(np.float32)
        return People("coco17", xy, np.full((1, 17), 0.9, np.float32), np.float32([[10, 10, 50, 50]]))


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    """A hundred black frames."""
    path = tmp_path_factory.mktemp("video") / "black.mp4"
    with VideoSink(path, fps=25) as sink:
        for _ in range(100):
            sink.write(np.zeros((48, 64, 3), np.uint8))
    return path


@pytest.mark.parametrize("gaps", ["keep", "drop"])
@pytest.mark.parametrize("shown", [{*range(5, 20), *range(50, 75)}, {*range(0, 100, 3)}, {*range(90, 99)}])
def test_a_label_stands_on_the_frames_from_a_windows_first_to_its_last(video, gaps, shown):
    """Where frames without the person were dropped, a window lasts longer than it has frames."""
    rule = WindowRule(min_score=0.2, gaps=gaps)
    number_of = lambda x, valid: np.arange(len(x), dtype=np.float32)[:, None]  # noqa: E731
    (prediction,) = predict([video], Blinking(shown), rule, number_of)
    spans = [frames_of(prediction, number, rule)[[0, -1]] for number in range(len(prediction.starts))]
    assert spans
    for frame in range(100):
        holding = [number for number, (first, last) in enumerate(spans) if first <= frame <= last]
        said = prediction.at(frame)
        assert (said is None) == (not holding)
        assert said is None or said == pytest.approx(np.mean(holding))


def put(folder: Path, *names: str) -> list[Path]:
    """Files that hold something, by name."""
    paths = [folder / name for name in names]
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name_of(path))
    return paths


def name_of(path: Path) -> bytes:
    return f"the video {path}".encode()


def test_overlays_are_called_as_their_videos(tmp_path):
    a, b = put(tmp_path, "wave/a.avi", "jump/b.mov")
    assert overlay_paths("seen", [a, b]) == {a: Path("seen/a.mp4"), b: Path("seen/b.mp4")}
    assert overlay_paths("seen.mp4", [a]) == {a: Path("seen.mp4")}
    with pytest.raises(ConfigError, match=r"written as \.mp4"):
        overlay_paths("seen", [a])


@pytest.fixture
def idle(monkeypatch):
    """Whoever begins to work fails the test."""

    def begins(*args, **settings):
        raise AssertionError("a backbone was loaded")

    monkeypatch.setattr("posebeam.workflows.action.watch.load_estimator", begins)


@pytest.mark.parametrize(
    ("names", "overlay", "says"),
    [
        (("clips/a.mp4",), "clips/a.mp4", "clips/a.mp4 is the video itself"),
        (("clips/a.mp4",), "clips/../clips/a.mp4", "is the video itself"),
        (("clips/a.mp4",), "link/a.mp4", "link/a.mp4 is the video itself"),
        (("clips/a.mp4", "clips/b.mp4"), "clips", "clips/a.mp4 is the video itself"),
        (("clips/a.mov", "clips/b.mp4"), "clips", "clips/b.mp4 is the video itself"),
        (("wave/a.mp4", "jump/a.mp4"), "seen", "wave/a.mp4 and jump/a.mp4 would both be drawn to seen/a.mp4"),
        (("a.avi", "a.mov"), "seen", "a.avi and a.mov would both be drawn to seen/a.mp4"),
    ],
)
def test_an_overlay_that_would_replace_something_is_told_before_any_work(
    tmp_path, monkeypatch, idle, names, overlay, says
):
    paths = put(tmp_path, *names)
    (tmp_path / "link").symlink_to("clips")
    monkeypatch.chdir(tmp_path)
    trained = trained_on(WindowRule(min_score=0.2))
    with pytest.raises(ConfigError, match=says):
        next(watch(trained, "movenet-lightning", names, PredictConfig(overlay=overlay)))
    assert [path.read_bytes() for path in paths] == [name_of(path) for path in paths]
    assert not (tmp_path / "seen").exists()
