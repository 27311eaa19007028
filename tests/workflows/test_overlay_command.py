"""posebeam overlay: stored poses on the video they come from, and on no other."""

import json
import shutil

import numpy as np
import pytest

from posebeam.pipelines.decode import open_clip
from posebeam.pipelines.rewindow import rewindow
from posebeam.pipelines.stored import read_clip
from posebeam.transforms.windows import WindowRule
from posebeam.workflows.cli import run as posebeam

CLIPS = ("balancing/camera_1.mp4", "walking/garden_2.avi")


@pytest.fixture(scope="module")
def source(media, tmp_path_factory):
    """Two real clips."""
    folder = tmp_path_factory.mktemp("source")
    for name in CLIPS:
        (folder / name).parent.mkdir()
        shutil.copy(media / "actions" / name, folder / name)
    return folder


@pytest.fixture(scope="module")
def out(source, tmp_path_factory):
    """Their poses, at most 10 frames a second."""
    folder = tmp_path_factory.mktemp("data") / "out"
    assert posebeam(["build", "videos", str(source), str(folder), "--fps", "10", "--device", "cpu"]) == 0
    return folder


def frames(path):
    with open_clip(path) as clip:
        return np.stack([frame.rgb for frame in clip]).astype(int), clip.fps


def test_skeletons_are_drawn_where_people_were(source, out, tmp_path, capsys):
    assert posebeam(["overlay", str(out), CLIPS[1], str(tmp_path / "new" / "o.mp4")]) == 0
    said = capsys.readouterr().err
    drawn, fps = frames(tmp_path / "new" / "o.mp4")
    with open_clip(source / CLIPS[1], fps=10) as clip:
        plain = np.stack([frame.rgb for frame in clip]).astype(int)
    assert fps == pytest.approx(10)
    assert f"{len(plain)} frames, 1 person" in said
    assert len(drawn) == len(plain)
    stored = read_clip(out, CLIPS[1])
    (track,) = stored.tracks
    for number, xy, score in zip(track.frames, track.xy, track.score, strict=True):
        changed = np.abs(drawn[number, : plain.shape[1], : plain.shape[2]] - plain[number]).max(-1) > 60
        left, top = xy[score >= 0.2].min(0) - 12
        right, bottom = xy[score >= 0.2].max(0) + 12
        y, x = np.nonzero(changed)
        inside = (x >= left) & (x <= right) & (y >= top) & (y <= bottom)
        assert inside.sum() > 50
        assert inside.mean() > 0.9


def test_a_higher_score_draws_less(out, tmp_path):
    """Above any score nothing is drawn at all."""
    for score in ("0.2", "1.1"):
        assert posebeam(["overlay", str(out), CLIPS[0], str(tmp_path / f"{score}.mp4"), "--min-score", score]) == 0
    shown, hidden = (frames(tmp_path / f"{score}.mp4")[0] for score in ("0.2", "1.1"))
    assert np.abs(shown - hidden).max() > 100


@pytest.mark.parametrize("name", ["garden_2", "garden_2.avi", "walking/garden_2", "den_2.avi"])
def test_a_clip_is_known_by_the_end_of_its_name(out, name):
    assert read_clip(out, name).clip_id == CLIPS[1]


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("gadren_2.avi", "near: walking/garden_2.avi"),
        ("walkin/garden_2.avi", "near: walking/garden_2.avi"),
        ("swimming", "one of 2 is balancing/camera_1.mp4"),
        ("", "holds no poses of a clip ''"),
    ],
)
def test_a_name_that_is_none_brings_near_ones(out, tmp_path, capsys, name, says):
    assert posebeam(["overlay", str(out), name, str(tmp_path / "o.mp4")]) == 2
    assert says in capsys.readouterr().err


def test_a_moved_folder_is_named_with_source(source, out, tmp_path, capsys):
    moved = shutil.copytree(source, tmp_path / "moved")
    data = shutil.copytree(out, tmp_path / "data")
    record = json.loads((data / "run.json").read_text())
    assert record["runs"][-1]["source"] == str(source)
    record["runs"][-1]["source"] = str(tmp_path / "gone")
    (data / "run.json").write_text(json.dumps(record))
    command = ["overlay", str(data), "garden_2", str(tmp_path / "o.mp4")]
    assert posebeam(command) == 1
    assert "is not there; if the folder was moved, name it with --source" in capsys.readouterr().err
    assert posebeam([*command, "--source", str(moved)]) == 0
    assert posebeam([*command, "--source", str(tmp_path)]) == 1
    (data / "run.json").unlink()
    capsys.readouterr()
    assert posebeam(command) == 1
    assert "does not say where its videos lie: name the folder" in capsys.readouterr().err


def test_windows_made_again_know_the_videos_still(out, tmp_path):
    rewindow(out, tmp_path / "new", WindowRule(min_score=0.5))
    assert posebeam(["overlay", str(tmp_path / "new"), "garden_2", str(tmp_path / "o.mp4")]) == 0


def another(what, source):
    """A file in the clip's place: another size, another rate, or cut short."""
    from posebeam.workflows.video_sink import VideoSink

    plain, fps = frames(source / CLIPS[1])
    plain = plain.astype(np.uint8)
    changed = {
        "size": (plain[:, : plain.shape[1] // 4 * 2], fps, "frames of "),
        "rate": (plain, fps * 0.9, "frame "),
        "length": (plain[: len(plain) // 2], fps, " frames, expected at least "),
    }
    pictures, rate, says = changed[what]
    return pictures, rate, says, VideoSink


@pytest.mark.parametrize("what", ["size", "rate", "length"])
def test_another_video_is_refused(source, out, tmp_path, capsys, what):
    pictures, rate, says, sink_of = another(what, source)
    (tmp_path / "walking").mkdir()
    with sink_of(tmp_path / "walking" / "garden_2.mp4", rate) as sink:
        for picture in pictures:
            sink.write(picture)
    (tmp_path / "walking" / "garden_2.mp4").rename(tmp_path / "walking" / "garden_2.avi")
    assert posebeam(["overlay", str(out), "garden_2", str(tmp_path / "o.mp4"), "--source", str(tmp_path)]) == 1
    said = capsys.readouterr().err
    assert "is not the video that the poses were seen in, or it was changed" in said
    assert says in said
    assert not (tmp_path / "o.mp4").exists()


def test_the_video_itself_is_refused_before_it_is_read(source, out, tmp_path, capsys, monkeypatch):
    moved = shutil.copytree(source, tmp_path / "moved")
    monkeypatch.setattr("posebeam.workflows.overlay.open_clip", None)
    assert posebeam(["overlay", str(out), CLIPS[0], str(moved / CLIPS[0]), "--source", str(moved)]) == 2
    assert "is the video itself" in capsys.readouterr().err
    assert (moved / CLIPS[0]).read_bytes() == (source / CLIPS[0]).read_bytes()


def test_other_suffixes_than_mp4_are_refused(out, tmp_path, capsys):
    assert posebeam(["overlay", str(out), "garden_2", str(tmp_path / "o.gif")]) == 2
    assert "written as .mp4" in capsys.readouterr().err
