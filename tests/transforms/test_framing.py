"""Framing against the published crops, and its own laws."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from posebeam.transforms.errors import ConfigError
from posebeam.transforms.framing import FRAMINGS, Framing, from_edges, inverse, mirrored, through
from posebeam.transforms.skeleton import skeleton

GOLDEN = Path(__file__).parent / "golden"
INPUT, MAP = (256, 192), (64, 48)
PICTURE = (240, 320)
FAMILIES = pytest.mark.parametrize(("family", "framing"), [("H", FRAMINGS["edges"]), ("T", FRAMINGS["middles"])])


@pytest.fixture(scope="module")
def golden():
    """Made by SimpleBaseline's and HRNet's (H) and TransPose's (T) code: 20 boxes, see test_published_*."""
    with np.load(GOLDEN / "framing.npz") as file:
        return dict(file)


@FAMILIES
def test_published_pieces_of_annotated_boxes(golden, family, framing):
    boxes, kept = framing.clean(golden["boxes"], PICTURE)
    assert kept.tolist() == golden[f"{family}/truth_kept"].tolist()
    assert boxes == pytest.approx(golden[f"{family}/truth_box"], abs=1e-9)
    pieces = framing.pieces(boxes, INPUT)
    assert pieces.centre == pytest.approx(golden[f"{family}/truth_centre"], rel=1e-6)
    assert pieces.extent / 200 == pytest.approx(golden[f"{family}/truth_scale"], rel=1e-6)


@FAMILIES
def test_published_pieces_of_detected_boxes(golden, family, framing):
    pieces = framing.pieces(golden["boxes"], INPUT)
    assert pieces.centre == pytest.approx(golden[f"{family}/centre"], rel=1e-6)
    assert pieces.extent / 200 == pytest.approx(golden[f"{family}/scale"], rel=1e-6)
    assert pieces.area == pytest.approx((golden[f"{family}/scale"] * 200).astype(float).prod(1), rel=1e-5)


@FAMILIES
def test_published_maps_there_and_back(golden, family, framing):
    pieces = framing.pieces(golden["boxes"], INPUT)
    ours = {
        "to_crop": inverse(framing.to_source(pieces, INPUT, golden["rotation"])),
        "to_map": inverse(framing.to_source(pieces, MAP, golden["rotation"])),
        "from_map": framing.to_source(pieces, MAP),
    }
    for name, maps in ours.items():
        theirs = golden[f"{family}/{name}"]
        away = np.abs(maps - theirs).max((1, 2)) / np.abs(theirs).max((1, 2))
        assert away.max() < 1e-6, name


@FAMILIES
@given(
    box=st.tuples(st.floats(-50, 300), st.floats(-50, 300), st.floats(2, 400), st.floats(2, 400)),
    rotation=st.floats(-180, 180),
)
def test_a_piece_holds_its_box_in_the_middle(family, framing, box, rotation):
    boxes = np.array([box])
    pieces = framing.pieces(boxes, INPUT)
    assert (pieces.extent + 1e-9 >= boxes[:, 2:] * 1.25).all()
    assert pieces.extent[0, 0] / pieces.extent[0, 1] == pytest.approx(192 / 256)
    maps = framing.to_source(pieces, INPUT, rotation)
    middle = (np.array([[[192.0, 256.0]]]) - framing.less) / 2
    assert through(middle, maps)[0, 0] == pytest.approx(pieces.centre[0], abs=1e-3)
    there = through(boxes[:, None, :2], inverse(maps))
    assert through(there, maps)[0, 0] == pytest.approx(box[:2], abs=1e-6)


def test_what_is_up_in_a_turned_piece():
    """Turned by 90 degrees clockwise, what is up in the input is to the right in the picture."""
    framing = FRAMINGS["edges"]
    pieces = framing.pieces(np.array([[60.0, 40, 96, 128]]), INPUT, margin=1)
    middle, above = np.array([96.0, 128]), np.array([96.0, 78])
    centre, right = through(np.stack((middle, above))[None], framing.to_source(pieces, INPUT, 90.0))[0]
    assert right - centre == pytest.approx([25, 0], abs=1e-4)


def test_the_last_columns_of_input_and_map_lie_on_each_other_only_between_middles():
    boxes, last = np.array([[30.0, 40, 90, 120]]), lambda size: np.array([[[size[1] - 1.0, size[0] - 1.0]]])
    apart = {}
    for name, framing in FRAMINGS.items():
        pieces = framing.pieces(boxes, INPUT)
        ends = [through(last(size), framing.to_source(pieces, size)) for size in (INPUT, MAP)]
        apart[name] = np.abs(ends[0] - ends[1])[..., 0].max()
    assert apart["middles"] < 1e-4 < 1 < apart["edges"]


def test_edges_of_pixels_are_half_a_pixel_from_their_middles():
    maps = FRAMINGS["middles"].to_source(
        FRAMINGS["middles"].pieces(np.array([[3.0, 4, 50, 70]]), INPUT), INPUT, 17.0
    )
    points = np.array([[[0.0, 0], [10, 7]]])
    assert through(points + 0.5, from_edges(maps)) == pytest.approx(through(points, maps) + 0.5)


def test_boxes_outside_are_left_out_and_boxes_of_nothing_have_a_way_back():
    framing = FRAMINGS["middles"]
    boxes = np.array([[10.0, 10, 20, 20], [400, 10, 20, 20], [5, 5, 0, 0], [10, 300, 5, 5]])
    kept_boxes, kept = framing.clean(boxes, PICTURE)
    assert kept.tolist() == [0, 2]
    assert np.isfinite(inverse(framing.to_source(framing.pieces(kept_boxes * 0, INPUT), INPUT))).all()


def test_nobody_has_no_pieces():
    framing = FRAMINGS["edges"]
    boxes, kept = framing.clean(np.zeros((0, 4)), PICTURE)
    pieces = framing.pieces(boxes, INPUT)
    assert kept.shape == (0,)
    assert inverse(framing.to_source(pieces, INPUT)).shape == (0, 2, 3)
    assert pieces.area.shape == (0,)


def test_only_two_ways_of_measuring():
    with pytest.raises(ConfigError, match="got 2"):
        Framing(2)


def test_mirrored_joints_as_published():
    with np.load(GOLDEN / "mirrored.npz") as file:
        before, seen = file["before"], file["visible_before"]
        xy, visible = mirrored(before, seen, skeleton("coco17"), 48)
        assert xy == pytest.approx(file["H/joints"][:, :2])
        assert visible == pytest.approx(file["H/visible"][:, 0])


@given(st.integers(1, 500), st.integers(0, 99))
def test_twice_mirrored_is_as_before(width, seed):
    xy = np.random.default_rng(seed).uniform(0, width, (3, 17, 2))
    ones, body = np.ones((3, 17)), skeleton("coco17")
    assert mirrored(*mirrored(xy, ones, body, width), body, width)[0] == pytest.approx(xy)
