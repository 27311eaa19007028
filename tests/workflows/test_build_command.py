"""posebeam build as a person runs it: two workers, a worker that dies, JSON, dry runs, rejects."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from posebeam.models import registry
from posebeam.transforms.errors import ConfigError
from posebeam.workflows.build_settings import settings_of
from posebeam.workflows.cli import run
from posebeam.workflows.commands.build import BuildConfig

BUILD = [sys.executable, "-m", "posebeam.workflows.cli", "build", "videos"]
FRAMES = 60


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """Eight little videos of two labels, and a file that is none."""
    folder = tmp_path_factory.mktemp("source")
    for number in range(8):
        path = folder / ("left", "right")[number % 2] / f"{number}.avi"
        path.parent.mkdir(exist_ok=True)
        writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 25.0, (64, 48))
        for t in range(FRAMES):
            writer.write(np.full((48, 64, 3), 20 * number + t, np.uint8))
        writer.release()
    (folder / "left/broken.avi").write_bytes(b"RIFF" + bytes(500))
    return folder


def build(source, out, *flags):
    command = [*BUILD, str(source), str(out), "--shards", "2", *flags]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def promised(out):
    files = (path for path in out.rglob("*") if path.is_file() and path.name != "run.json")
    return {str(path.relative_to(out)): path.read_bytes() for path in files}


@pytest.fixture(scope="module")
def alone(source, tmp_path_factory):
    out = tmp_path_factory.mktemp("alone") / "out"
    done = build(source, out, "--json")
    assert done.returncode == 3, done.stderr  # one reject of nine is above 5 %
    facts = json.loads(done.stdout)
    assert (facts["listed"], facts["built"], facts["rejected"], facts["frames"]) == (9, 8, 1, 8 * FRAMES)
    return out


def descendants(pid):
    """Processes below a process that run Beam's worker."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
    found = [pid]
    for one in found:
        found += [child for child, parent in parents.items() if parent == one]
    return [one for one in found[1:] if b"sdk_worker_main" in Path(f"/proc/{one}/cmdline").read_bytes()]


@pytest.mark.slow
def test_two_workers_share_the_work_and_write_the_same_bytes(source, alone, tmp_path):
    done = build(source, tmp_path / "two", "--workers", "2")
    assert done.returncode == 3
    assert not re.search("WARNING|INFO", done.stderr)  # what Beam's workers tell one another
    assert promised(tmp_path / "two") == promised(alone)
    told = json.loads((tmp_path / "two/run.json").read_text())["runs"][0]
    assert (told["config"]["workers"], told["config"]["backbone"]) == (2, "movenet-lightning")
    shares = [counts.get("frames", 0) / told["frames"] for counts in told["processes"].values()]
    assert len(shares) == 2
    assert min(shares) >= 0.2


@pytest.mark.slow
def test_a_killed_worker_ends_the_run_at_once_and_nothing_is_lost(source, alone, tmp_path):
    out = tmp_path / "killed"
    command = [*BUILD, str(source), str(out), "--shards", "2", "--workers", "2"]
    driver = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 120
    while not list(out.glob("_tmp/*/poses.arrow")):
        assert driver.poll() is None, driver.stderr.read()
        assert time.monotonic() < deadline
        time.sleep(0.1)
    os.kill(descendants(driver.pid)[-1], signal.SIGKILL)
    _, said = driver.communicate(timeout=60)
    assert driver.returncode == 1
    assert "a worker process died" in said
    assert build(source, out, "--workers", "2").returncode == 3
    assert promised(out) == promised(alone)


def test_rejects_below_the_limit_are_no_failure(source, tmp_path):
    flags = ["--shards", "2", "--limit", "2", "--max-rejects", "0.5"]
    assert run(["build", "videos", str(source), str(tmp_path / "out"), *flags]) == 0


@pytest.fixture
def dry_run(capfd):
    """The exit code, and what it would do or why it does not."""

    def call(kind, source, *flags):
        code = run(["build", kind, str(source), "nowhere", "--dry-run", "--json", *flags])
        told, said = capfd.readouterr()
        return code, json.loads(told) if told else said

    return call


def test_a_dry_run_writes_nothing(source, dry_run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert dry_run("videos", source)[1]["clips to build"] == 9
    assert not list(tmp_path.iterdir())


def test_one_video_and_a_glob_are_sources_too(source, dry_run):
    assert dry_run("videos", source / "left/0.avi")[1]["clips to build"] == 1
    assert dry_run("videos", source / "*/[0-3].avi")[1]["clips to build"] == 4
    code, said = dry_run("videos", source / "*.mp4")
    assert (code, "matches nothing" in said) == (2, True)


def test_a_table_is_a_source_and_absent_clips_are_asked_about(source, tmp_path, dry_run):
    rows = [f"{source}/left/{number}.avi,left" for number in (0, 2, 98)]
    (tmp_path / "clips.csv").write_text("uri,label\n" + "\n".join(rows))
    code, said = dry_run("manifest", tmp_path / "clips.csv")
    assert (code, "1 of the clips that the lists name are absent" in said) == (1, True)
    _, facts = dry_run("manifest", tmp_path / "clips.csv", "--allow-missing")
    assert (facts["clips to build"], facts["missing"]) == (2, 1)


def test_coco_asks_for_its_annotations(source, dry_run):
    code, said = dry_run("coco", source)
    assert (code, "coco needs --annotations" in said) == (2, True)


def test_a_layout_that_the_backbone_cannot_give_is_a_usage_error(source, dry_run):
    code, said = dry_run("videos", source, "--layout", "act13-body25")
    assert (code, "cannot be made of 'coco17'" in said) == (2, True)


def test_boxes_are_written_down_with_the_weights_that_find_them():
    """Of whoever looks at boxes; MoveNet then follows nobody. The others refuse a detector."""
    poses = settings_of("videos", BuildConfig(backbone="movenet-thunder", detector="movenet-multipose")).poses
    assert poses.boxes == {
        "detector": "movenet-multipose", "detector_sha256": registry.weights_sha256("movenet-multipose"),
    }  # fmt: skip
    assert not poses.crop_following
    assert settings_of("videos", BuildConfig()).poses.boxes == {}
    with pytest.raises(ConfigError, match="takes no detector"):
        settings_of("videos", BuildConfig(backbone="openpose-thin", detector="detr-r50"))
    with pytest.raises(ConfigError, match="cannot be a detector"):
        settings_of("videos", BuildConfig(backbone="movenet-thunder", detector="hrnet-w32"))
    with pytest.raises(ConfigError, match="no flip test"):
        settings_of("videos", BuildConfig(flip=True))


def test_a_top_down_backbone_takes_its_own_detector_and_the_flip_test(tmp_path):
    weights = tmp_path / "mine.pth"
    weights.write_bytes(b"tensors")
    config = BuildConfig(backbone="hrnet-w32", weights=str(weights), flip=True)
    poses = settings_of("videos", config).poses
    assert (poses.detector, poses.flip) == ("movenet-multipose", True)


def test_a_kind_has_values_of_its_own_where_nothing_is_said():
    for kind, backbone, fps, pictures in (
        ("videos", "movenet-lightning", 0.0, False), ("ucf101", "movenet-lightning", 0.0, False),
        ("coco", "movenet-lightning", 0.0, False), ("coco-images", "", 0.0, True), ("images", "", 1.0, True),
    ):  # fmt: skip
        poses = settings_of(kind, BuildConfig()).poses
        assert (poses.backbone, poses.fps, poses.images) == (backbone, fps, pictures)
    said = settings_of("images", BuildConfig(backbone="movenet-thunder", fps=0.0)).poses
    assert (said.backbone, said.fps, said.images) == ("movenet-thunder", 0.0, True)


def test_flags_of_poses_need_a_backbone():
    with pytest.raises(ConfigError, match="--detector says how poses are made"):
        settings_of("images", BuildConfig(detector="movenet-multipose"))


@pytest.mark.slow
def test_two_workers_write_the_same_image_shards(source, tmp_path):
    """Of the frames of videos."""
    for workers in ("1", "2"):
        command = ["build", "images", str(source), str(tmp_path / workers), "--shards", "3", "--workers", workers]
        assert run(command) == 3
    assert promised(tmp_path / "1") == promised(tmp_path / "2")
    assert len(promised(tmp_path / "1")) == 3 + 3 + 3 + 3  # images, rejected, receipts; card, plan, manifest
