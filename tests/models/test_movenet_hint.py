"""Crop following: where to look next, from poses drawn by hand."""

import numpy as np
import pytest

from posebeam.models.movenet_hint import GRID, Square, next_square, whole
from posebeam.transforms.people import People
from posebeam.transforms.skeleton import skeleton

COCO = skeleton("coco17")
SIZE = (240, 320)


def standing(x: float = 160, y: float = 120, height: float = 100, score: float = 0.9) -> People:
    """Someone upright with the hips' middle at (x, y)."""
    unit = height / 10
    at = {"nose": (0, -4), "shoulder": (1, -3), "elbow": (1.5, -1.5), "wrist": (1.5, 0)}
    at |= {"eye": (0.3, -4.2), "ear": (0.6, -4.1), "hip": (0.7, 0), "knee": (0.7, 2.5), "ankle": (0.7, 5)}
    xy = [
        (x + (-1 if joint.startswith("right") else 1) * unit * at[part][0], y + unit * at[part][1])
        for joint in COCO.joints
        for part in [joint.split("_")[-1]]
    ]
    return people(np.array(xy), np.full(17, score))


def people(xy: np.ndarray, score: np.ndarray) -> People:
    return People("coco17", xy[None].astype("f4"), score[None].astype("f4"), np.zeros((1, 4), "f4"))


def unseen(pose: People, *joints: str) -> People:
    score = pose.score[0].copy()
    score[COCO.indices(joints)] = 0.1
    return people(pose.xy[0], score)


def test_whole_frame_is_letterboxed():
    assert whole((240, 320)) == Square(0, -40, 320)
    assert whole((320, 240)) == Square(-40, 0, 320)


def test_square_holds_the_person_with_room_around():
    """The farthest joint is 50 px away: half a side is 1.2 x 50, or 1.9 x 30 for the torso."""
    assert next_square(standing(), SIZE) == Square(100, 60, 120)


def test_unseen_joints_do_not_widen_the_square():
    bent = standing()
    bent.xy[0, COCO.index("left_ankle")] = (160, 900)
    assert next_square(unseen(bent, "left_ankle"), SIZE) == next_square(standing(), SIZE)


@pytest.mark.parametrize("pair", ["shoulder", "hip"])
def test_without_a_torso_the_whole_frame_is_looked_at(pair):
    one, both = (f"left_{pair}",), (f"left_{pair}", f"right_{pair}")
    assert next_square(unseen(standing(), *one), SIZE) is not None
    assert next_square(unseen(standing(), *both), SIZE) is None


def test_nobody_means_the_whole_frame():
    assert next_square(People.nobody("coco17"), SIZE) is None


def test_someone_as_large_as_the_frame_means_the_whole_frame():
    assert next_square(standing(x=100, height=400), SIZE) is None


def test_a_hair_of_difference_does_not_move_the_square():
    """Rounding differences of a pose, 5e-5 px, must not grow from frame to frame."""
    rng = np.random.default_rng(0)
    moved = 0
    for _ in range(200):
        pose = standing(*rng.uniform(60, 180, 2), rng.uniform(40, 120))
        hair = people(pose.xy[0] + rng.uniform(-5e-5, 5e-5, (17, 2)), pose.score[0])
        square = next_square(pose, SIZE)
        assert all(value % GRID == 0 for value in (square.x, square.y, square.side))
        moved += square != next_square(hair, SIZE)
    assert moved <= 1
