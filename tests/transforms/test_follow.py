"""The follower: frames of people to segments of a track."""

import numpy as np
import pytest

from posebeam.transforms.follow import Follower
from posebeam.transforms.people import People
from posebeam.transforms.track import SEGMENT


def person(x):
    """One person of 17 joints, all at (x, x)."""
    return People(
        "coco17", np.full((1, 17, 2), x, np.float32), np.ones((1, 17), np.float32), np.zeros((1, 4), np.float32)
    )


def follow(frames):
    follower = Follower("clip.avi", "coco17")
    return [track for frame in frames for track in follower.push(*frame)] + follower.finish()


def test_a_frame_with_nobody_is_missing_from_the_track():
    (track,) = follow([(0, person(1)), (1, People.nobody("coco17")), (2, person(3))])
    assert (track.clip_id, track.person, track.skeleton_name) == ("clip.avi", 0, "coco17")
    assert track.frames.tolist() == [0, 2]
    assert track.xy[:, 0, 0].tolist() == [1, 3]


def test_segments_are_full_and_nothing_is_lost():
    tracks = follow((number, person(number)) for number in range(2 * SEGMENT + 5))
    assert [len(track) for track in tracks] == [SEGMENT, SEGMENT, 5]
    assert np.concatenate([track.frames for track in tracks]).tolist() == list(range(2 * SEGMENT + 5))


def test_a_full_segment_is_given_out_at_once():
    follower = Follower("clip.avi", "coco17")
    given = [len(follower.push(number, person(0))) for number in range(SEGMENT)]
    assert given == [0] * (SEGMENT - 1) + [1]
    assert follower.finish() == []


def test_nobody_ever_is_no_track():
    assert follow((number, People.nobody("coco17")) for number in range(5)) == []


def test_frames_must_rise_and_hold_one_person():
    with pytest.raises(ValueError, match="frame 3 came after frame 3"):
        follow([(3, person(0)), (3, person(0))])
    two = People(
        "coco17", np.zeros((2, 17, 2), np.float32), np.ones((2, 17), np.float32), np.zeros((2, 4), np.float32)
    )
    with pytest.raises(ValueError, match="got 2 people, expected at most one"):
        follow([(0, two)])
