"""Drawing: the right colours in the right places, and nothing where nothing was seen."""

import numpy as np
import pytest

from posebeam.transforms.skeleton import SKELETONS, skeleton
from posebeam.workflows.draw import CENTRE, LEFT, PEOPLE, RIGHT, draw_label, draw_people

COCO = skeleton("coco17")
GREY = np.full((120, 160, 3), 90, np.uint8)


def person(*joints: tuple[str, float, float]) -> tuple[np.ndarray, np.ndarray]:
    """One person of whom only the named joints were seen: xy [1, 17, 2], score [1, 17]."""
    xy, score = np.zeros((1, 17, 2), np.float32), np.zeros((1, 17), np.float32)
    for joint, x, y in joints:
        xy[0, COCO.index(joint)], score[0, COCO.index(joint)] = (x, y), 0.9
    return xy, score


@pytest.mark.parametrize(
    ("a", "b", "colour"),
    [
        ("left_shoulder", "left_elbow", LEFT),
        ("right_hip", "right_knee", RIGHT),
        ("left_shoulder", "right_shoulder", CENTRE),
        ("nose", "left_eye", LEFT),
    ],
)
def test_a_limb_has_the_colour_of_its_side(a, b, colour):
    drawn = draw_people(GREY, *person((a, 30, 60), (b, 130, 60)), COCO, 0.2)
    np.testing.assert_array_equal(drawn[60, 80], colour)
    np.testing.assert_array_equal(drawn[40, 80], GREY[40, 80])


def test_the_frame_that_came_in_is_left_as_it_was():
    before = GREY.copy()
    draw_people(GREY, *person(("nose", 30, 60)), COCO, 0.2)
    draw_label(GREY, "walking")
    np.testing.assert_array_equal(before, GREY)


def test_joints_below_the_score_and_their_limbs_are_left_out():
    xy, score = person(("left_shoulder", 30, 60), ("left_elbow", 130, 60))
    score[0, COCO.index("left_elbow")] = 0.19
    drawn = draw_people(GREY, xy, score, COCO, 0.2)
    np.testing.assert_array_equal(drawn[60, 30], LEFT)
    np.testing.assert_array_equal(drawn[:, 60:], GREY[:, 60:])


@pytest.mark.parametrize("place", [np.nan, np.inf, -1e30, 1e9])
def test_joints_at_no_place_are_left_out(place):
    drawn = draw_people(GREY, *person(("left_shoulder", 30, 60), ("left_elbow", place, 60)), COCO, 0.2)
    np.testing.assert_array_equal(drawn[:, 60:], GREY[:, 60:])


def test_a_limb_that_leaves_the_frame_is_drawn_to_its_edge():
    drawn = draw_people(GREY, *person(("left_shoulder", 30, 60), ("left_elbow", 5000, 60)), COCO, 0.2)
    np.testing.assert_array_equal(drawn[60, 159], LEFT)


def test_everybody_is_drawn_and_nobody_is_nothing():
    xy, score = (
        np.concatenate(pair) for pair in zip(person(("nose", 30, 60)), person(("nose", 90, 60)), strict=True)
    )
    drawn = draw_people(GREY, xy, score, COCO, 0.2)
    assert (drawn[60, 30] == CENTRE).all()
    assert (drawn[60, 90] == CENTRE).all()
    np.testing.assert_array_equal(draw_people(GREY, xy[:0], score[:0], COCO, 0.2), GREY)


@pytest.mark.parametrize("name", sorted(SKELETONS))
def test_every_skeleton_can_be_drawn(name):
    K = len(skeleton(name))
    xy = np.random.default_rng(0).uniform(10, 110, (2, K, 2)).astype(np.float32)
    drawn = draw_people(GREY, xy, np.ones((2, K), np.float32), skeleton(name), 0.2)
    assert (drawn != GREY).any(-1).sum() > 20 * K


def test_lines_are_thicker_on_large_frames():
    small, large = (
        (
            draw_people(np.zeros((size, size, 3), np.uint8), *person(("nose", size / 2, size / 2)), COCO, 0.2) > 0
        ).sum()
        for size in (240, 1080)
    )
    assert large > 3 * small


@pytest.mark.parametrize(
    ("frame", "xy", "score"),
    [
        ((120, 160), (1, 17, 2), (1, 17)),
        ((120, 160, 3), (1, 17, 3), (1, 17)),
        ((120, 160, 3), (2, 17, 2), (1, 17)),
        ((120, 160, 3), (1, 18, 2), (1, 18)),
    ],
)
def test_other_shapes_are_refused(frame, xy, score):
    with pytest.raises(ValueError, match="for coco17"):
        draw_people(np.zeros(frame, np.uint8), np.zeros(xy), np.zeros(score), COCO, 0.2)


@pytest.mark.parametrize("size", [(240, 320), (384, 216), (1080, 1920), (40, 60)])
def test_a_label_stays_on_its_band_and_in_the_frame(size):
    drawn = draw_label(np.full((*size, 3), 90, np.uint8), "walking 92 %\nstanding 8 %")
    letters = np.argwhere(drawn.max(-1) > 150)
    assert len(letters) > 20
    assert letters[:, 1].max() < size[1] - 1 or size == (40, 60)
    np.testing.assert_array_equal(drawn[size[0] // 2 + 10 :], 90)


def test_no_label_is_no_band():
    np.testing.assert_array_equal(draw_label(GREY, ""), GREY)


def two_people() -> tuple[np.ndarray, np.ndarray]:
    """Two left arms, one above the other."""
    pairs = [person(("left_shoulder", 30, y), ("left_elbow", 130, y)) for y in (50, 100)]
    return tuple(np.concatenate(parts) for parts in zip(*pairs, strict=True))


def test_several_people_have_a_colour_and_a_number_each():
    drawn = draw_people(GREY, *two_people(), COCO, 0.2, numbers=[0, 1])
    np.testing.assert_array_equal(drawn[50, 60], PEOPLE[0])
    np.testing.assert_array_equal(drawn[100, 60], PEOPLE[1])
    np.testing.assert_array_equal(drawn[50, 30], LEFT)
    above = (drawn[20:46, 10:50] == PEOPLE[0]).all(-1)
    assert above.sum() > 10, "a number stands above the person"
    np.testing.assert_array_equal(draw_people(GREY, *two_people(), COCO, 0.2)[50, 60], LEFT)


def test_numbers_go_round_the_colours_and_stay_in_the_frame():
    xy, score = person(("left_shoulder", 159, 0), ("left_elbow", 159, 20))
    drawn = draw_people(GREY, xy, score, COCO, 0.2, numbers=[len(PEOPLE) + 1])
    np.testing.assert_array_equal(drawn[12, 159], PEOPLE[1])
    assert (drawn[:30, 120:158] == PEOPLE[1]).all(-1).sum() > 10
    nobody = draw_people(GREY, xy, np.zeros_like(score), COCO, 0.2, numbers=[3])
    np.testing.assert_array_equal(nobody, GREY)
