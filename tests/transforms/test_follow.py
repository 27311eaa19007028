"""The follower: frames of people to segments of tracks."""

import numpy as np
import pytest

from posebeam.transforms.follow import LOST, Follower
from posebeam.transforms.people import People
from posebeam.transforms.skeleton import skeleton
from posebeam.transforms.track import SEGMENT

# Somebody upright, 100 pixels high, around (0, 0).
_RNG = np.random.default_rng(0)
BODY = np.column_stack((_RNG.uniform(-20, 20, 17), np.linspace(-50, 50, 17)))


def people(*places, jitter=0.0, rng=_RNG):
    """A frame with a body at each place (x, y), each joint off by a little."""
    if not places:
        return People.nobody("coco17")
    xy = (BODY + np.array(places)[:, None] + rng.normal(0, jitter, (len(places), 17, 2))).astype(np.float32)
    boxes = np.concatenate((xy.min(1), xy.max(1)), 1)
    return People("coco17", xy, np.ones(xy.shape[:2], np.float32), boxes)


def follow(frames, several=True):
    follower = Follower("clip.avi", "coco17", min_score=0.2, several=several)
    return [track for frame in frames for track in follower.push(*frame)[0]] + follower.finish()


def middles(track):
    """Where the person was: x of frame after frame."""
    return track.xy[..., 0].mean(1) - BODY[:, 0].mean()


def test_a_frame_with_nobody_is_missing_from_the_track():
    (track,) = follow([(0, people((1, 0))), (1, people()), (2, people((3, 0)))])
    assert (track.clip_id, track.person, track.skeleton_name) == ("clip.avi", 0, "coco17")
    assert track.frames.tolist() == [0, 2]
    assert middles(track) == pytest.approx([1, 3], abs=1e-4)


def test_where_the_backbone_sees_one_person_it_is_person_0_wherever_they_are():
    (track,) = follow([(0, people((0, 0))), (1, people((900, 0))), (200, people((0, 900)))], several=False)
    assert track.person == 0
    assert track.frames.tolist() == [0, 1, 200]


def test_segments_are_full_and_nothing_is_lost():
    tracks = follow((number, people((number % 7, 0))) for number in range(2 * SEGMENT + 5))
    assert [len(track) for track in tracks] == [SEGMENT, SEGMENT, 5]
    assert np.concatenate([track.frames for track in tracks]).tolist() == list(range(2 * SEGMENT + 5))


def test_a_full_segment_is_given_out_at_once():
    follower = Follower("clip.avi", "coco17", min_score=0.2, several=True)
    given = [len(follower.push(number, people((0, 0)))[0]) for number in range(SEGMENT)]
    assert given == [0] * (SEGMENT - 1) + [1]
    assert follower.finish() == []


def test_nobody_ever_is_no_track():
    assert follow((number, people()) for number in range(5)) == []


def test_two_who_cross_keep_their_numbers_although_the_order_of_the_people_changes():
    def frame(t):
        pair = [(10 * t, 0), (400 - 10 * t, 15)]
        return people(*(pair if t % 3 else pair[::-1]), jitter=1.0)

    tracks = follow((t, frame(t)) for t in range(41))
    assert len(tracks) == 2
    ways = sorted((middles(track)[0], middles(track)[-1]) for track in tracks)
    assert ways == [pytest.approx((0, 400), abs=2), pytest.approx((400, 0), abs=2)]


def test_somebody_hidden_behind_another_for_a_while_comes_back_as_the_same():
    def frame(t):
        pair = [(8 * t, 0), (320 - 8 * t, 10)]
        return people(*pair[: 1 if 15 <= t < 26 else 2], jitter=1.0)

    tracks = follow((t, frame(t)) for t in range(41))
    assert sorted(len(track) for track in tracks) == [30, 41]
    hidden = min(tracks, key=len)
    assert middles(hidden)[[0, -1]] == pytest.approx([320, 0], abs=2)


def test_who_is_away_longer_comes_back_as_somebody_new_and_the_old_track_ends():
    follower = Follower("clip.avi", "coco17", min_score=0.2, several=True)
    follower.push(0, people((0, 0)))
    assert follower.push(LOST, people()) == ([], [])
    (track,), ended = follower.push(LOST + 1, people((0, 0)))
    assert (track.person, track.frames.tolist(), ended) == (0, [0], [0])
    assert [track.person for track in follower.finish()] == [1]


def test_somebody_elsewhere_or_of_another_size_is_somebody_else():
    big = people((0, 0))
    small = People("coco17", big.xy / 5, big.score, np.concatenate(((big.xy / 5).min(1), (big.xy / 5).max(1)), 1))
    assert [t.person for t in follow([(0, people((0, 0))), (1, people((300, 0)))])] == [0, 1]
    assert [t.person for t in follow([(0, big), (1, small)])] == [0, 1]


def test_joints_that_were_not_seen_say_nothing():
    """Unseen joints lie anywhere; only the seen ones and the box tell who is who."""

    def frame(t):
        now = people((5 * t, 0), (5 * t, 120))
        now.xy[:, 5:] = _RNG.uniform(0, 1000, (2, 12, 2))
        now.score[:, 5:] = 0.1
        return now

    tracks = follow((t, frame(t)) for t in range(20))
    assert [len(track) for track in tracks] == [20, 20]


def test_tracks_hold_only_frames_that_may_still_come_out():
    follower = Follower("clip.avi", "coco17", min_score=0.2, several=True)
    for number in range(10 * LOST):
        follower.push(number, people((50 * number, 0)) if number % LOST == 0 else people())
    assert follower.held_from >= 10 * LOST - 2 * LOST - 1


@pytest.mark.parametrize("name", ["coco17", "coco18", "openpose19", "body25"])
def test_every_skeleton_can_be_followed(name):
    K = len(skeleton(name))
    xy = _RNG.uniform(0, 100, (1, K, 2)).astype(np.float32)
    one = People(name, xy, np.ones((1, K), np.float32), np.concatenate((xy.min(1), xy.max(1)), 1))
    follower = Follower("clip.avi", name, min_score=0.2, several=True)
    for number in range(3):
        follower.push(number, one)
    assert [len(track) for track in follower.finish()] == [3]


def test_frames_must_rise_and_a_single_person_backbone_sees_one():
    with pytest.raises(ValueError, match="frame 3 came after frame 3"):
        follow([(3, people((0, 0))), (3, people((0, 0)))])
    with pytest.raises(ValueError, match="got 2 people, expected at most one"):
        follow([(0, people((0, 0), (9, 9)))], several=False)
