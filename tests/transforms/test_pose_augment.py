"""Augmentation of people against the published code, and its own laws."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from posebeam.transforms.errors import ConfigError
from posebeam.transforms.framing import FRAMINGS, through
from posebeam.transforms.pose_augment import (
    MILD,
    NO_AUGMENTATION,
    UPPER,
    Change,
    PoseAugmentation,
    half_piece,
    shown,
)
from posebeam.transforms.skeleton import skeleton

INPUT = (256, 192)
BODY = skeleton("coco17")
FAMILIES = pytest.mark.parametrize(("family", "framing"), [("H", FRAMINGS["edges"]), ("T", FRAMINGS["middles"])])
HALVES = ("", "upper", "lower")


@pytest.fixture(scope="module")
def golden():
    """24 people in a picture 320 wide: what JointsDataset of HRNet (H) and TransPose (T) makes of their joints,
    when its chances are these zooms, turns, mirrorings and halves."""
    with np.load(Path(__file__).parent / "golden" / "pose_augment.npz") as file:
        return dict(file)


@FAMILIES
def test_joints_lie_where_the_published_code_has_them(golden, family, framing):
    changes = [
        Change(zoom, turn, bool(mirror), HALVES[half])
        for zoom, turn, mirror, half in zip(*map(golden.get, ("zoom", "turn", "mirror", "half")), strict=True)
    ]  # fmt: skip
    pieces, widths = framing.pieces(golden["box"], INPUT), np.full(24, 320)
    seen = shown(changes, pieces, golden["joints"], golden["visible"], widths, framing, INPUT, BODY)
    assert (seen.visible == golden[f"{family}/visible"]).all()
    assert seen.joints == pytest.approx(golden[f"{family}/joints"], abs=2e-4)  # which are float32


def somebody(seed=0):
    """A piece, joints [1, 17, 2] and visible [1, 17] of one person, all joints labelled."""
    rng = np.random.default_rng(seed)
    box = rng.uniform((5, 5, 40, 60), (60, 60, 100, 120), (1, 4))
    return box, box[:, None, :2] + rng.uniform(0, 1, (1, 17, 2)) * box[:, None, 2:], np.ones((1, 17))


@given(
    st.floats(0.5, 2), st.floats(-180, 180), st.booleans(), st.sampled_from(HALVES), st.sampled_from([*FRAMINGS])
)  # fmt: skip
def test_the_way_back_leads_to_the_same_joint_or_of_a_mirrored_person_to_the_other_side(
    zoom, turn, mirror, half, way
):
    framing, (box, joints, visible) = FRAMINGS[way], somebody()
    changes, pieces = [Change(zoom, turn, mirror, half)], framing.pieces(box, INPUT)
    seen = shown(changes, pieces, joints, visible, np.array([320]), framing, INPUT, BODY)
    expected = joints[:, list(BODY.mirror)] if mirror else joints
    assert through(seen.joints, seen.to_source) == pytest.approx(expected, abs=1e-6)


@FAMILIES
def test_without_a_change_it_is_the_framings_own_piece(family, framing):
    box, joints, visible = somebody()
    pieces = framing.pieces(box, INPUT)
    seen = shown([Change()], pieces, joints, visible, np.array([320]), framing, INPUT, BODY)
    assert seen.to_source == pytest.approx(framing.to_source(pieces, INPUT))


def test_a_turned_piece_turns_the_person_the_other_way():
    framing, (box, joints, visible) = FRAMINGS["edges"], somebody()
    pieces = framing.pieces(box, INPUT)
    centre = (np.array(INPUT[::-1]) / 2).tolist()
    right_of_the_centre = joints.copy()
    right_of_the_centre[0, 0] = pieces.centre[0] + (10, 0)
    seen = shown([Change(turn=90.0)], pieces, right_of_the_centre, visible, np.array([320]), framing, INPUT, BODY)
    assert seen.joints[0, 0, 0] == pytest.approx(centre[0], abs=1e-3)
    assert seen.joints[0, 0, 1] < centre[1] - 5  # clockwise the piece, so that right comes up


def test_who_is_not_visible_lies_at_the_origin_and_is_mirrored_too():
    framing, (box, joints, visible) = FRAMINGS["middles"], somebody()
    visible[0, BODY.index("left_wrist")] = 0
    changes, pieces = [Change(mirror=True)], framing.pieces(box, INPUT)
    seen = shown(changes, pieces, joints, visible, np.array([320]), framing, INPUT, BODY)
    hidden = BODY.index("right_wrist")
    assert seen.visible[0, hidden] == 0
    assert seen.visible.sum() == 16
    assert seen.joints[0, hidden].tolist() == [0, 0]


@pytest.mark.parametrize(
    ("preferred", "upper", "lower", "chosen"),
    [
        ("upper", 3, 6, "upper"), ("upper", 2, 6, "lower"), ("upper", 2, 2, "upper"), ("lower", 9, 3, "lower"),
        ("lower", 9, 2, "upper"), ("lower", 1, 2, None), ("upper", 1, 0, None),
    ],
)  # fmt: skip
def test_a_half_with_too_few_joints_gives_way(preferred, upper, lower, chosen):
    _, joints, visible = somebody()
    visible[0] = 0
    visible[0, :upper] = visible[0, 11 : 11 + lower] = 1
    piece = half_piece(preferred, joints[0], visible[0], FRAMINGS["edges"], INPUT, BODY)
    if chosen is None:
        assert piece is None
    else:
        part = joints[0, :upper] if chosen == "upper" else joints[0, 11 : 11 + lower]
        assert piece.centre[0] == pytest.approx(part.mean(0))
        assert piece.extent[0, 1] / piece.extent[0, 0] == pytest.approx(256 / 192)
        assert (piece.extent[0] >= 1.5 * np.ptp(part, axis=0) - 1e-9).all()


def test_chances_are_the_published_ones():
    rng = np.random.default_rng(0)
    drawn = [PoseAugmentation().draw(rng, labelled=17) for _ in range(6000)]
    share = lambda found: np.mean(list(found))  # noqa: E731
    assert share(each.mirror for each in drawn) == pytest.approx(0.5, abs=0.02)
    assert share(each.turn != 0 for each in drawn) == pytest.approx(0.6, abs=0.02)
    assert share(each.half != "" for each in drawn) == pytest.approx(0.3, abs=0.02)
    assert share(each.half == "upper" for each in drawn if each.half) == pytest.approx(UPPER, abs=0.04)
    turns, zooms = np.array([each.turn for each in drawn]), np.array([each.zoom for each in drawn])
    assert np.abs(turns).max() == 90
    assert (np.abs(turns[turns != 0]) == 90).mean() == pytest.approx(0.046, abs=0.012)  # beyond two deviations
    assert (zooms.min(), zooms.max()) == pytest.approx((0.65, 1.35))
    assert (zooms == 1.35).mean() == pytest.approx(0.159, abs=0.02)  # what a normal number has above 1


def test_few_joints_are_never_halved_and_change_nothing_else():
    few, many = (
        [PoseAugmentation(half_body=1.0).draw(np.random.default_rng(seed), labelled) for seed in range(50)]
        for labelled in (8, 9)
    )
    assert all(each.half == "" for each in few)
    assert all(each.half for each in many)
    assert [(a.zoom, a.turn, a.mirror) for a in few] == [(a.zoom, a.turn, a.mirror) for a in many]


def test_none_and_mild():
    rng = np.random.default_rng(0)
    assert {NO_AUGMENTATION.draw(rng, 17) for _ in range(100)} == {Change()}
    mild = [MILD.draw(rng, 17) for _ in range(2000)]
    assert max(abs(each.turn) for each in mild) == 80
    assert {each.half for each in mild} == {""}


@pytest.mark.parametrize("wrong", [{"flip": 1.5}, {"rotation": -1.0}, {"scale": 1.0}, {"half_body": -0.1}])
def test_chances_that_are_none_are_refused(wrong):
    with pytest.raises(ConfigError, match="expected"):
        PoseAugmentation(**wrong)
