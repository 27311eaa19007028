"""Clips that are nearly alike on both sides of a split: copies are found wherever they begin, others are not."""

import json

import numpy as np
import pytest

from posebeam.pipelines.made import Made
from posebeam.pipelines.read import WindowReader
from posebeam.workflows.cli import run as posebeam
from posebeam.workflows.report import near_clips as near
from posebeam.workflows.report.motion_pieces import key_pieces, pieces_of, shifted_pieces


def walk(seed, frames=75):
    """xy [frames, 13, 2] of joints that swing, each in its own way, about their places in a body."""
    rng = np.random.default_rng(seed)
    body, way = rng.uniform(-1, 1, (13, 2)), rng.uniform(0.2, 0.4, (13, 2))
    phase, pace = rng.uniform(0, 6, (13, 2)), rng.uniform(0.2, 0.5)
    return body + way * np.sin(pace * np.arange(frames)[:, None, None] + phase)


class Windows:
    """What near_clips reads of a WindowReader: windows of 30 frames every 15 of clips (xy, part, group)."""

    classes = ("walk",)

    def __init__(self, *clips, hidden=0.0):
        rows = [
            (clip, name, start) for name, clip in enumerate(clips) for start in range(0, len(clip[0]) - 29, 15)
        ]
        self.x = np.stack([windowed(clip[0][start : start + 30]) for clip, _, start in rows])
        self.part = np.array([clip[1] for clip, _, _ in rows], object)
        self.groups = np.array([clip[2] for clip, _, _ in rows], object)
        self.clips = np.array([f"clip{name}" for _, name, _ in rows], object)
        self.starts, self.people = np.array([start for _, _, start in rows]), np.zeros(len(rows), int)
        self.labels = np.zeros(len(rows), int)
        self.seen = np.random.default_rng(0).random((len(rows), 30, 13)) >= hidden
        self.x *= np.repeat(self.seen, 4, axis=-1)

    def parts(self):
        return self.part

    def take(self, rows):
        return self.x[rows], self.seen[rows]


def windowed(xy):
    """[30, 52] of xy [30, 13, 2], without velocities."""
    return np.concatenate((xy, np.zeros_like(xy)), -1).reshape(len(xy), 52).astype(np.float32)


OTHERS = [(walk(seed), "train", f"g{seed}") for seed in range(2, 12)]


@pytest.mark.parametrize("cut", [0, 4, 15, 22])
def test_a_copy_is_found_whichever_frame_it_begins_with(cut):
    """It is smaller, elsewhere in the picture, and a little noisy."""
    noise = np.random.default_rng(1).normal(0, 0.02, walk(1)[cut:].shape)
    copy = 0.6 * (walk(1)[cut:] + noise) + 0.5
    found = near.near_clips(Windows((copy, "test", "g0"), (walk(1), "train", "g1"), *OTHERS))
    assert [(pair.a.clip_id, pair.b.clip_id, pair.parts) for pair in found.found] == [
        ("clip0", "clip1", ("test", "train"))
    ]
    (pair,) = found.found
    assert pair.distance < 0.06
    assert pair.windows == len(range(0, 75 - cut - 29, 15))


def test_a_copy_is_found_though_joints_are_missed_here_and_there():
    copy = 0.6 * walk(1)[4:]
    found = near.near_clips(Windows((copy, "test", "g0"), (walk(1), "train", "g1"), *OTHERS, hidden=0.05)).found
    assert [(pair.a.clip_id, pair.b.clip_id) for pair in found] == [("clip0", "clip1")]


def test_other_people_and_other_groups_only():
    own = walk(1)
    assert not near.near_clips(Windows((own, "test", "g0"), *OTHERS)).found
    assert not near.near_clips(Windows((own, "test", "g0"), (own, "train", "g0"), *OTHERS)).found
    assert not near.near_clips(Windows((own, "train", "g0"), (own, "train", "g1"))).found
    assert near.near_clips(Windows((own, "validation", "g0"), (own, "train", "g1"))).found


def test_who_stands_still_is_like_everybody():
    """Two people who only tremble: nearer than any copy, and no copies."""
    rng = np.random.default_rng(3)
    still = [walk(1)[:1] + rng.normal(0, 0.01, (75, 13, 2)) for _ in range(2)]
    assert not near.near_clips(Windows((still[0], "test", "g0"), (still[1], "train", "g1"))).found


def test_what_is_counted(make_windows, tmp_path):
    reader = WindowReader(make_windows(tmp_path / "out", groups=4))
    found = near.near_clips(reader)
    assert isinstance(reader.made, Made)
    assert found.held == len(reader)
    assert found.asked == (reader.parts() == "test").sum()


def test_terminal_and_page_name_and_draw_them(make_windows, tmp_path, monkeypatch, capsys):
    """Where everything counts as near, every test clip is like another."""
    monkeypatch.setattr(near, "NEAR", 10.0)
    monkeypatch.setattr(near, "NEARER_THAN_MOTION", 100.0)
    out = make_windows(tmp_path / "out", groups=4)
    pairs = near.near_clips(WindowReader(out)).found
    capsys.readouterr()
    assert posebeam(["report", str(out), "--html", str(tmp_path / "r.html")]) == 0
    shown, text = " ".join(capsys.readouterr().err.split()), (tmp_path / "r.html").read_text()
    assert f"{len(pairs)} pairs of clips across splits" in shown
    assert " │ ".join((pairs[0].parts[0], pairs[0].a.clip_id, pairs[0].parts[1], pairs[0].b.clip_id)) in shown
    assert f"Pairs of clips that may show the same: {len(pairs)}." in text
    assert posebeam(["report", str(out), "--json"]) == 0
    (told,) = json.loads(capsys.readouterr().out)["data"]
    assert [each["a"]["clip_id"] for each in told["near_clips"]["found"]] == [pair.a.clip_id for pair in pairs]
    for number, pair in enumerate(pairs[:4], 1):
        assert f"Pair {number}, {pair.parts[1]}: {pair.label}: {pair.b.clip_id}" in text


def test_more_windows_than_are_looked_at_are_drawn_evenly(monkeypatch):
    monkeypatch.setattr(near, "MOST", 2)
    found = near.near_clips(Windows((walk(1), "test", "g0"), (walk(1), "train", "g1")))
    assert (found.asked, found.held) == (2, 4)


def test_pieces_know_neither_place_nor_size():
    x, seen = np.stack([windowed(walk(1)[:30])]), np.ones((1, 30, 13), bool)
    seen[:, 3:9, 4] = False
    once, again = (key_pieces(3.0 * x + 1.0, seen), key_pieces(x, seen))
    np.testing.assert_allclose(once.xy, again.xy, atol=1e-5)
    np.testing.assert_allclose(once.motion, again.motion, atol=1e-5)
    size = (again.xy**2).sum() / again.seen.sum()
    assert size == pytest.approx(1.0, abs=1e-5)


def test_the_middle_piece_is_one_of_the_shifted():
    x, seen = np.stack([windowed(walk(seed)[:30]) for seed in (1, 2)]), np.ones((2, 30, 13), bool)
    pieces, row_of = shifted_pieces(x, seen)
    assert np.bincount(row_of).tolist() == [15, 15]
    near_own = pieces.take(np.flatnonzero(row_of == 1)).distance(key_pieces(x[[1] * 15], seen[[1] * 15]))
    assert near_own.argmin() == 7
    assert near_own.min() == pytest.approx(0.0, abs=1e-6)


def test_too_little_in_common_is_no_distance():
    xy, seen = walk(1)[None, :16].astype(np.float32), np.ones((1, 16, 13), bool)
    other = seen.copy()
    other[:, :, 5:] = False
    assert np.isinf(pieces_of(xy, seen).distance(pieces_of(xy, other))).all()
