"""Windows: where they start, what they hold, and that the cutting of a track makes no difference."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posebeam.transforms.chain import chain
from posebeam.transforms.errors import ConfigError
from posebeam.transforms.track import PoseTrack
from posebeam.transforms.windows import Windower, WindowRule

RULE = WindowRule(min_score=0.3)


def track(frames, score=None):
    """A track over these frame numbers; xy hangs on the frame number alone."""
    frames = np.asarray(frames, np.int32)
    xy = 50 + 100 * np.stack([np.random.default_rng(int(f)).random((17, 2)) for f in frames])
    score = np.ones((len(frames), 17)) if score is None else score
    return PoseTrack("clip.avi", 0, "coco17", frames, xy.astype(np.float32), score.astype(np.float32))


def cut(track, rule, pieces=()):
    """All windows of a track that comes in pieces."""
    windower = Windower(rule)
    edges = [0, *sorted(pieces), len(track)]
    windows = []
    for a, b in itertools.pairwise(edges):
        if a < b:
            part = replace(track, frames=track.frames[a:b], xy=track.xy[a:b], score=track.score[a:b])
            windows += windower.push(part)
    return windows + windower.finish()


def starts(track, rule):
    return [window.start for window in cut(track, rule)]


@pytest.mark.parametrize(
    ("frames", "want"),
    [
        (1, []),  # a still
        (2, [0]),  # shorter than a window: always one
        (30, [0]),
        (31, [0, 15]),  # 16 frames of its own, one of them new
        (44, [0, 15]),
        (45, [0, 15]),  # ends with a window: no tail
        (59, [0, 15, 30]),
        (60, [0, 15, 30]),
    ],
)
def test_where_windows_start(frames, want):
    assert starts(track(range(frames)), RULE) == want


@pytest.mark.parametrize(("frames", "want"), [(29, []), (30, [0]), (44, [0]), (45, [0, 15])])
def test_short_drop_leaves_tails_out(frames, want):
    assert starts(track(range(frames)), replace(RULE, short="drop")) == want


def test_a_tail_of_less_than_half_a_window_is_left_out():
    rule = replace(RULE, stride=30)
    assert starts(track(range(44)), rule) == [0]
    assert starts(track(range(45)), rule) == [0, 30]


def test_first_is_the_first_window_only():
    rule = replace(RULE, mode="first")
    assert starts(track(range(20)), rule) == [0]
    assert starts(track(range(100)), rule) == [0]
    assert starts(track(range(7, 2000, 2)[:1000]), rule) == [7]


def test_a_window_is_the_chain_of_its_frames():
    whole = track(range(5, 65))
    (first, second, third) = cut(whole, RULE)
    assert [window.start for window in (first, second, third)] == [5, 20, 35]
    for window, rows in ((first, slice(0, 30)), (second, slice(15, 45)), (third, slice(30, 60))):
        x, seen = chain("act").apply(whole.xy[rows], whole.score[rows] >= RULE.min_score)
        np.testing.assert_array_equal(window.x, x.astype(np.float32))
        np.testing.assert_array_equal(window.valid, seen)


def test_padding_repeats_the_last_pose_and_is_not_valid():
    (window,) = cut(track(range(20)), RULE)
    joints = window.x.reshape(30, 13, 4)
    np.testing.assert_array_equal(joints[20:, :, :2], np.broadcast_to(joints[19, :, :2], (10, 13, 2)))
    assert not joints[20:, :, 2:].any()
    assert window.valid[:20].all()
    assert not window.valid[20:].any()


def test_a_gap_is_kept_as_zeros_that_are_not_valid():
    (window,) = cut(track([*range(10), *range(14, 30)]), RULE)
    assert not window.valid[10:14].any()
    assert not window.x.reshape(30, 13, 4)[10:14, :, :2].any()
    assert window.valid[14:].all()


def test_a_gap_is_dropped_by_name():
    rule = replace(RULE, gaps="drop", stride=30)
    frames = [*range(3, 13), *range(100, 150)]
    first, second = cut(track(frames), rule)
    assert (first.start, second.start) == (3, 120)
    assert first.valid.all()
    assert second.valid.all()


def test_a_frame_without_a_joint_that_counts_is_a_gap():
    score = np.ones((40, 17))
    score[:4] = score[12] = score[36:] = 0.1
    assert starts(track(range(40), score), RULE) == [4, 19]
    (window, tail) = cut(track(range(40), score), RULE)
    assert np.flatnonzero(~window.valid.any(-1)).tolist() == [8]
    assert np.flatnonzero(tail.valid.any(-1)).tolist() == list(range(17))


def test_a_long_gap_gives_no_windows_and_costs_nothing():
    late = 2_000_000_000
    windows = cut(track([*range(30), *range(late, late + 30)]), RULE)
    assert [window.start for window in windows if window.start < 30] == [0, 15]
    assert all(window.valid.any() for window in windows)
    assert all(window.start > late - 30 for window in windows[2:])


tracks = st.builds(
    lambda first, steps: np.cumsum([first, *steps]),
    st.integers(0, 50),
    st.lists(st.sampled_from([1, 1, 1, 1, 1, 1, 2, 5, 40]), max_size=120),
)
rules = st.builds(
    WindowRule,
    length=st.sampled_from([2, 7, 30]),
    stride=st.sampled_from([1, 3, 15, 30, 45]),
    mode=st.sampled_from(["sliding", "sliding", "first"]),
    short=st.sampled_from(["pad", "drop"]),
    gaps=st.sampled_from(["keep", "drop"]),
    min_score=st.just(0.3),
    chain=st.sampled_from(["act", "act-repaired"]),
)


@given(tracks, rules, st.integers(0, 99), st.lists(st.integers(0, 120), max_size=6))
@settings(max_examples=150, deadline=None)
def test_how_a_track_is_cut_into_segments_makes_no_difference(frames, rule, seed, pieces):
    score = np.random.default_rng(seed).choice([0.1, 1.0], (len(frames), 17), p=[0.8, 0.2])
    whole = track(frames, score)
    one, many = cut(whole, rule), cut(whole, rule, [piece for piece in pieces if piece < len(whole)])
    assert [window.start for window in one] == [window.start for window in many]
    for a, b in zip(one, many, strict=True):
        np.testing.assert_array_equal(a.x, b.x)
        np.testing.assert_array_equal(a.valid, b.valid)


@given(tracks, rules)
@settings(max_examples=150, deadline=None)
def test_windows_are_where_a_plain_reading_of_the_rule_puts_them(frames, rule):
    present = dict.fromkeys((frames - frames[0]).tolist()) if rule.gaps == "keep" else range(len(frames))
    end, length, stride = max(present) + 1, rule.length, rule.stride
    whole = [s for s in range(0, end, stride) if s + length <= end]
    tail = [s for s in range(0, end, stride) if s not in whole][:1]
    covered = whole[-1] + length if whole else 0
    if rule.short == "drop" or end == 1:
        tail = []
    elif whole:
        tail = [s for s in tail if end > covered and end - s >= length / 2]
    if rule.mode == "first":
        whole, tail = whole[:1], [s for s in tail if s == 0]
    want = [s for s in whole + tail if any(s <= place < s + length for place in present)]
    got = starts(track(frames), rule)
    assert got == [frames[0] + s if rule.gaps == "keep" else frames[s] for s in want]


def test_segments_of_another_person_or_out_of_order_are_refused():
    windower = Windower(RULE)
    windower.push(track(range(10)))
    with pytest.raises(ValueError, match="from frame 5 cannot follow"):
        windower.push(track(range(5, 8)))
    with pytest.raises(ValueError, match="person 1"):
        windower.push(replace(track(range(20, 22)), person=1))


def test_a_rule_checks_itself():
    with pytest.raises(ConfigError, match="gaps: got 'kept', expected keep or drop"):
        WindowRule(min_score=0.3, gaps="kept")
    with pytest.raises(ConfigError, match="windows of 1 frames"):
        WindowRule(min_score=0.3, length=1)
    with pytest.raises(ConfigError, match="no layout"):
        WindowRule(min_score=0.3, layout="coco13")
