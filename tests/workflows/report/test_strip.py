"""Windows drawn: strips that leave out what was not seen, shades of attention above them, players."""

import re
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from posebeam.transforms.skeleton import skeleton
from posebeam.workflows.report.examples import Motion
from posebeam.workflows.report.player import SIDE, player
from posebeam.workflows.report.strip import strip
from posebeam.workflows.report.svg import as_svg


def motion(seen=None, frames=30):
    """Somebody whose joints wander a pixel a frame to the right, from frame 100 on."""
    xy = np.random.default_rng(0).uniform(0, 100, (1, 17, 2)) + np.arange(frames)[:, None, None] * (1.0, 0.0)
    seen = np.ones((frames, 17), bool) if seen is None else seen
    return Motion(skeleton("coco17"), 100 + np.arange(frames), xy, seen, 12.5)


def without_head():
    seen = np.ones((30, 17), bool)
    seen[:, :5] = False
    return seen


def numbers(text):
    return [int(word.strip()) for word in ET.fromstring(text).itertext() if word.strip()]


def test_a_strip_leaves_out_what_was_not_seen():
    whole, part = as_svg(strip(motion()), "strip"), as_svg(strip(motion(without_head())), "strip")
    assert part.count("L ") < whole.count("L ")


def test_a_strip_goes_from_the_first_frame_to_the_last():
    shown = numbers(as_svg(strip(motion()), "strip"))
    assert (shown[0], shown[-1]) == (100, 129)
    assert np.ptp(np.diff(shown)) <= 1


def test_somebody_who_goes_through_the_picture_stays_in_the_strip():
    """Every frame is about the person: the way through the picture makes nobody smaller."""
    here, gone = motion(), motion()
    gone.xy[...] += np.arange(30)[:, None, None] * (40.0, 0.0)
    assert as_svg(strip(here), "strip") == as_svg(strip(gone), "strip")


@pytest.mark.parametrize("frames", [1, 30])
def test_a_strip_of_nobody_is_empty_and_not_an_error(frames):
    nobody = motion(np.zeros((frames, 17), bool), frames)
    assert as_svg(strip(nobody), "nobody")
    assert set(player(nobody).strokes) == {("",) * 4}


def test_attention_stands_above_a_strip():
    plain = strip(motion())
    shaded = strip(motion(), np.eye(4, 30, dtype=np.float32))
    assert shaded.get_figheight() > plain.get_figheight()
    assert as_svg(shaded, "strip").count("<image") == 1


def test_a_player_draws_each_frame_in_its_square():
    made = player(motion(without_head()))
    assert len(made.strokes) == len(made.numbers) == 30
    assert [tuple(frame.split("|")) for frame in made.text.split(";")] == list(made.strokes)
    assert made.rate == 12.5
    for frame in made.strokes:
        starts = [tuple(map(int, place)) for place in re.findall(r"M(-?\d+) (-?\d+)", "".join(frame))]
        assert starts
        assert all(0 <= x <= SIDE and 0 <= y <= SIDE for x, y in starts)
    left, right, middle, between = made.strokes[0]
    assert left
    assert right
    assert not middle  # that would be the nose
    assert between.count("M") == 2  # shoulders, hips


def test_a_player_keeps_the_way_through_the_picture():
    first, last = (re.findall(r"M(-?\d+)", "".join(player(motion()).strokes[at])) for at in (0, -1))
    moved = np.array(last, int) - np.array(first, int)
    assert (moved > 20).all()
