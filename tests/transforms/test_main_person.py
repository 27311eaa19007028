"""The main person: the longest, largest, steadiest track."""

import numpy as np
import pytest

from posebeam.transforms.main_person import MainPerson
from posebeam.transforms.track import PoseTrack

BODY = np.random.default_rng(0).uniform(0, 1, (17, 2))


def track(person, frames, size=50.0, score=0.9):
    """Somebody of that size in those frames."""
    numbers = np.array(list(frames), np.int32)
    xy = np.tile((BODY * size).astype(np.float32), (len(numbers), 1, 1))
    return PoseTrack("clip.avi", person, "coco17", numbers, xy, np.full(xy.shape[:2], score, np.float32))


def main(*tracks):
    chosen = MainPerson(0.2)
    for each in tracks:
        chosen.add(each)
    return chosen.person


@pytest.mark.parametrize(
    ("loser", "winner"),
    [
        (track(0, range(20)), track(1, range(40))),
        (track(0, range(40)), track(1, range(40), size=80.0)),
        (track(0, range(40), score=0.4), track(1, range(40))),
        (track(0, range(0, 80, 2)), track(1, range(40))),
    ],
    ids=["longer", "larger", "surer", "steadier"],
)
def test_all_else_equal(loser, winner):
    assert main(loser, winner) == main(winner, loser) == 1


def test_of_equals_the_one_who_appeared_first():
    assert main(track(1, range(9)), track(0, range(9))) == 0


def test_nobody_is_nobody_and_unseen_joints_make_no_person():
    assert main() is None
    assert main(track(0, range(40), score=0.1), track(1, range(2))) == 1


def test_segments_make_no_difference():
    whole = [track(0, range(60)), track(1, range(55), size=60.0)]
    cut = [track(0, range(30)), track(1, range(20), size=60.0), track(0, range(30, 60))]
    assert main(*whole) == main(*cut, track(1, range(20, 55), size=60.0)) == 1
