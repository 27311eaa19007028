"""posebeam report OUT: a data set in figures, from poses where it has them and from windows where not."""

import json
import shutil

import numpy as np
import pyarrow.parquet as pq
import pytest

from posebeam.pipelines.read import WindowReader
from posebeam.transforms.layout import layout
from posebeam.workflows.cli import run as posebeam
from posebeam.workflows.report.chain_steps import best_window
from posebeam.workflows.report.data_set import read_figures
from posebeam.workflows.report.examples import motions, poses_of
from posebeam.workflows.report.place import Place
from posebeam.workflows.report.skeletons import positions
from posebeam.workflows.report.terminal_data import bar

CLIPS = ("balancing/camera_1.mp4", "walking/garden_2.avi")


@pytest.fixture(scope="module")
def built(media, tmp_path_factory):
    """A build of two real clips and a broken one."""
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("data") / "out"
    for name in CLIPS:
        (source / name).parent.mkdir()
        shutil.copy(media / "actions" / name, source / name)
    (source / "walking/broken.avi").write_bytes(b"no video")
    argv = ["build", "videos", str(source), str(out), "--fps", "12.5", "--device", "cpu", "--max-rejects", "0.9"]
    assert posebeam(argv) == 0
    return out


def test_counts_are_those_of_the_files(built):
    found = read_figures(built, "out").as_dict()
    told = json.loads((built / "manifest.json").read_text())
    assert found["clips"] == told["clips"] == {"listed": 3, "built": 2, "rejected": 1, "missing": 0}
    assert sum(sum(parts.values()) for parts in found["clips_per_class"].values()) == 3
    windows = sum(rows for name, rows in told["rows"].items() if name.startswith("windows/"))
    assert sum(sum(parts.values()) for parts in found["windows_per_class"].values()) == windows > 0
    (reject,) = found["rejects"]
    assert (reject["clips"], reject["example"]) == (1, "walking/broken.avi")
    (run,) = found["speed"]["runs"]
    assert (run["clips"], run["frames"]) == (3, told["frames"])
    assert 0 < found["speed"]["batch_fill"] <= 1
    assert found["people_per_clip"] == {1: 2}


def test_the_terminal_has_the_same_in_short(built, capsys):
    capsys.readouterr()
    assert posebeam(["report", str(built)]) == 0
    shown = " ".join(capsys.readouterr().err.split())
    found = read_figures(built, "out")
    for words in (
        "3 listed, 2 built, 1 rejected, 0 missing",
        f"{found.speed.fill:.0%}",
        f"{found.speed.runs[0].per_second:,.1f} frames a second, 1 worker",
        "walking/broken.avi",
    ):
        assert words in shown


def test_a_bar_is_as_long_as_its_share():
    assert [bar(share) for share in (0.0, 0.005, 0.5, 1.0)] == ["", "▏", "█" * 12, "█" * 24]
    lengths = [len(bar(share / 100)) for share in range(101)]
    assert lengths == sorted(lengths)


def test_missing_joints_are_those_scored_low(built):
    found, config = read_figures(built, "out"), json.loads((built / "manifest.json").read_text())["config"]
    scores = {}
    for path in sorted(built.glob("poses/*.parquet")):
        for row in pq.read_table(path, partitioning=None).to_pylist():
            scores.setdefault(row["label_name"], []).append(np.reshape(row["score"], (-1, 17)))
    assert scores.keys() == found.missing.keys() == {"balancing", "walking"}
    for label, parts in scores.items():
        share = (np.concatenate(parts).astype(np.float32) < config["min_score"]).mean(0)
        np.testing.assert_allclose(found.missing[label], share)


def test_missing_joints_of_windows_alone(make_windows, tmp_path):
    """Everything is seen in made windows; they are of 13 joints."""
    found = read_figures(make_windows(tmp_path / "out", groups=4), "out")
    assert found.joints == layout("act13-coco").skeleton.joints
    assert all((own == 0).all() for own in found.missing.values())
    assert sum(found.clips.values()) == 24


def test_a_strip_shows_the_poses_that_the_window_was_cut_of(built):
    """Centred on the shoulders and scaled by the torso, the poses are the window."""
    reader = WindowReader(built)
    row = best_window(reader)
    (poses,) = poses_of(built, [Place.of(reader, row)])
    assert poses.rate == pytest.approx(12.5, rel=0.05)
    (x,), _ = reader.take([row])
    shoulders, hips = ((poses.xy[:, [a]] + poses.xy[:, [a + 1]]) / 2 for a in (5, 11))
    scale = np.linalg.norm(shoulders - hips, axis=-1, keepdims=True)
    whole = poses.seen[:, 5:].all(1)
    assert whole.any()
    mine = ((poses.xy - shoulders)[whole] / scale[whole])[:, 5:]
    np.testing.assert_allclose(mine, positions(x)[whole, 1:], atol=1e-4)


def test_windows_without_poses_are_drawn_from_their_numbers(make_windows, tmp_path):
    out = make_windows(tmp_path / "out", groups=4)
    reader = WindowReader(out)
    known, unknown = Place(str(reader.clips[0]), 0, int(reader.starts[0])), Place("nothing", 0, 0)
    shown, nothing = motions(out, [known, unknown])
    (x,), _ = reader.take([0])
    np.testing.assert_array_equal(shown.xy, positions(x))
    assert nothing is None


@pytest.mark.parametrize("which", ["built", "made"])
def test_the_page_shows_what_is_in_it(which, built, make_windows, tmp_path, capsys):
    out = built if which == "built" else make_windows(tmp_path / "out", groups=4)
    capsys.readouterr()
    assert posebeam(["report", str(out), "--html", str(tmp_path / "r.html")]) == 0
    text = (tmp_path / "r.html").read_text()
    for words in (
        "Joints that were not seen",
        "The chain, step by step",
        "windows per class",
        "How fast the outer joints move",
    ):
        assert words in text
    assert ("As seen, in pixels" in text) == (which == "built")
    shown = capsys.readouterr().err
    assert "joints not seen" in shown
    assert len(text) < 1_000_000


def test_images_have_no_windows_and_are_reported_all_the_same(media, tmp_path):
    (tmp_path / "images").mkdir()
    shutil.copy(media / "people.jpg", tmp_path / "images/people.jpg")
    out = tmp_path / "out"
    argv = ["build", "images", str(tmp_path / "images"), str(out), "--device", "cpu"]
    assert posebeam([*argv, "--backbone", "movenet-lightning"]) == 0
    assert posebeam(["report", str(out), "--html", str(tmp_path / "r.html")]) == 0
    assert "Joints that were not seen" in (tmp_path / "r.html").read_text()
