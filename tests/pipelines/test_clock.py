"""Pace: at most so many frames a second, by timestamps, evenly, and never one that is not there."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from posebeam.pipelines.clock import Pace


def kept(times: np.ndarray, fps: float, source_fps: float = 0.0) -> np.ndarray:
    """The times that are kept."""
    pace = Pace(fps, source_fps)
    return np.array([time for time in times if pace.keeps(time)])


@pytest.mark.parametrize("source", [24, 25, 29.97, 30, 50, 59.94, 60, 120, 240])
@pytest.mark.parametrize("fps", [5, 10, 12.5, 15, 23.976, 24, 25, 29.97, 30])
@pytest.mark.parametrize("rounded", [False, True])
def test_a_constant_rate_becomes_the_lower_one(source, fps, rounded):
    times = np.arange(int(20 * source)) / source
    times = times.round(3) if rounded else times
    found = kept(times, fps)
    wanted = min(source, fps)
    assert len(found) / 20 == pytest.approx(wanted, rel=0.01)
    # As even as it can be: each frame is the nearest to its time, so off by half a source interval at most.
    assert np.diff(found).max() <= 1 / wanted + 1 / source + 0.002
    assert np.abs(np.diff(found) - 1 / wanted).max() <= 1 / source + 0.002


@pytest.mark.parametrize(
    ("source", "fps", "every"), [(25, 12.5, 2), (25, 5, 5), (60, 30, 2), (50, 25, 2), (30, 10, 3)]
)
def test_a_whole_ratio_keeps_every_nth_frame(source, fps, every):
    times = np.arange(200) / source
    np.testing.assert_array_equal(kept(times, fps), times[::every])


@given(st.lists(st.floats(0.001, 0.5), min_size=1, max_size=200), st.floats(1, 60))
def test_any_rate_is_thinned_to_the_limit_and_keeps_its_first_frame(intervals, fps):
    times = np.concatenate([[0], np.cumsum(intervals)])
    found = kept(times, fps)
    assert found[0] == 0
    for first in range(len(found)):
        counts = np.arange(len(found) - first)
        assert (counts <= (found[first:] - found[first]) * fps + 2 + 1e-6).all()


@given(st.lists(st.floats(-0.16, 0.16), min_size=2, max_size=100), st.floats(1, 120))
def test_a_rate_that_jitters_about_the_one_asked_for_keeps_every_frame(jitter, fps):
    times = (np.arange(len(jitter)) + np.array(jitter) - jitter[0]) / fps
    assert len(kept(times, fps)) == len(times)


def test_a_known_rate_is_even_from_the_first_frame_on():
    found = kept(np.arange(100) / 25, 15, source_fps=25)
    np.testing.assert_allclose(found[:6], [0, 0.08, 0.12, 0.2, 0.28, 0.32])
    assert np.abs(found - np.arange(len(found)) / 15).max() <= 0.02 + 1e-9


def test_after_a_silence_frames_come_at_once_and_no_faster():
    times = np.concatenate([np.arange(10) / 50, 10 + np.arange(100) / 50])
    found = kept(times, 25)
    assert found[5] == 10
    np.testing.assert_allclose(np.diff(found[5:]), 0.04)


@pytest.mark.parametrize(
    ("source", "fps", "told"), [(30, 25, ""), (29.97, 30, ""), (12.5, 25, "12.5"), (24, 25, "24")]
)
def test_a_lower_rate_is_named(source, fps, told):
    pace, times = Pace(fps), np.arange(200) / source
    assert all([pace.keeps(time) for time in times]) == (source <= fps)  # noqa: C419
    sentence = f"{told} frames/s are there where {fps} were asked for: none is made up"
    assert pace.shortfall(times[-1]) == ((sentence,) if told else ())
