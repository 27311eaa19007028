"""Top-down: boxes in, joints in source pixels out; the flip test; MoveNet in boxes."""

import cv2
import numpy as np
import pytest
import torch
from torch import nn

from posebeam.models import registry
from posebeam.models.detector import Boxes
from posebeam.transforms.errors import ConfigError
from posebeam.transforms.framing import FRAMINGS, MARGIN
from posebeam.transforms.skeleton import skeleton

CPU = torch.device("cpu")
MIRROR = list(skeleton("coco17").mirror)


class Bright(nn.Module):
    """Heat maps of a quarter of the input: joint 9, a left wrist, where the picture is red, the others nowhere."""

    def __init__(self, order: str):
        super().__init__()
        self.red = order.index("r")

    def forward(self, images):
        """[B, 3, H, W] to [B, 17, H / 4, W / 4]."""
        red = nn.functional.avg_pool2d(images[:, self.red : self.red + 1], 4)
        maps = torch.zeros(len(images), 17, *red.shape[2:])
        maps[:, 9:10] = (red - red.amin((2, 3), keepdim=True)) / 5
        return maps


def picture(x: float, y: float) -> np.ndarray:
    """A soft red blob at (x, y) from the corner of a black picture of 240 x 320."""
    rows, columns = np.mgrid[:240, :320] + 0.5
    blob = 255 * np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * 6.0**2))
    return np.stack((blob, 0 * blob, 0 * blob), -1).round().astype(np.uint8)


@pytest.mark.parametrize("name", ["simple-baseline-r50", "transpose-r-a3"])
@pytest.mark.parametrize("flip", [False, True])
def test_a_joint_is_found_where_it_is(name, flip):
    """In boxes of other proportions than the input's, in the row's order of colours.

    Who calls the blob a left wrist in the mirrored picture too means the right one: the flip test shows both.
    """
    row = registry.row(name)
    estimator = registry.estimator_of(row, Bright(row.colour), CPU, detector=Nowhere(), flip=flip)
    boxes = np.array([[100.0, 60.0, 90.0, 100.0], [120.0, 50.0, 100.0, 170.0]])
    people = estimator.in_boxes([picture(150.3, 110.7)], [boxes])[0]
    assert len(people) == 2
    # A cell is some 3 pixels here. The shifted flip of "edges" moves maps by up to a cell of them, as published.
    np.testing.assert_allclose(people.xy[:, 9], [(150.3, 110.7)] * 2, atol=3 if flip else 1)
    corners = np.concatenate((boxes[:, :2], boxes[:, :2] + boxes[:, 2:]), 1)
    np.testing.assert_array_equal(people.boxes, corners.astype(np.float32))
    assert (people.score[:, 9] > 0.3).all()
    assert (people.score[:, 10] > 0.3).all() == flip


class Nowhere:
    """A detector that is not asked."""

    name, halvings = "nowhere", 0

    def __call__(self, frames):
        raise AssertionError("boxes were given")


class Known:
    """A detector that knows the boxes of each frame by the frame's width."""

    name, halvings = "known", 3

    def __init__(self, boxes):
        self.boxes = boxes

    def __call__(self, frames):
        return [self.boxes[frame.shape[1]] for frame in frames]


def boxes_of(*xywh: tuple[float, ...]) -> Boxes:
    return Boxes(np.array(xywh, np.float64).reshape(-1, 4), np.linspace(0.9, 0.5, len(xywh), dtype=np.float32))


@pytest.fixture(scope="module")
def baseline() -> nn.Module:
    return registry.build_network("simple-baseline-r50")


def test_people_of_frames_with_none_one_and_many(baseline):
    """Nobody's joints depend on who else is in the frame, or in the call."""
    many = boxes_of((10, 10, 60, 80), (100, 50, 90, 120), (0, 0, 320, 240))
    known = Known({320: many, 100: boxes_of(), 64: boxes_of((5, 5, 50, 40))})
    rng = np.random.default_rng(0)
    frames = [rng.integers(0, 256, (240, width, 3), dtype=np.uint8) for width in (320, 100, 64)]
    estimator = registry.estimator_of(registry.row("simple-baseline-r50"), baseline, CPU, detector=known)
    assert estimator.several
    assert not estimator.wants_hints
    assert estimator.halvings == 3
    people = estimator(frames, [None] * 3)
    assert [len(each) for each in people] == [3, 0, 1]
    np.testing.assert_array_equal(people[0].sure, many.score)
    known.boxes[320] = Boxes(many.xywh[::-1].copy(), many.score)
    again = estimator(frames[::-1], [None] * 3)[::-1]
    np.testing.assert_array_equal(again[0].xy[::-1], people[0].xy)
    np.testing.assert_array_equal(again[2].xy, people[2].xy)


def test_who_shows_no_joint_is_nobody_unless_the_boxes_were_given(baseline):
    frame, known = np.zeros((240, 320, 3), np.uint8), Known({320: boxes_of((10, 10, 60, 80))})
    silent = registry.estimator_of(registry.row("simple-baseline-r50"), Bright("bgr"), CPU, detector=known)
    assert len(silent([frame], [None])[0]) == 0
    assert len(silent.in_boxes([frame], [known.boxes[320].xywh])[0]) == 1


def test_an_output_that_is_not_finite_makes_the_frame_so(baseline):
    class Broken(nn.Module):
        def forward(self, images):
            return torch.full((len(images), 17, 64, 48), torch.nan)

    frame, known = np.zeros((240, 320, 3), np.uint8), Known({320: boxes_of((10, 10, 60, 80))})
    people = registry.estimator_of(registry.row("simple-baseline-r50"), Broken(), CPU, detector=known)(
        [frame], [None]
    )
    assert (len(people[0]), people[0].finite) == (0, False)


@pytest.mark.parametrize("framing", ["edges", "middles"])
def test_the_network_is_shown_what_opencv_cuts_out(framing, person):
    """Within half a grey level; the box reaches over the frame's edge."""
    name = {"edges": "hrnet-w32", "middles": "transpose-r-a3"}[framing]
    seen = []

    class Looking(nn.Module):
        def forward(self, images):
            seen.append(images.clone())
            return torch.zeros(len(images), 17, 64, 48)

    estimator = registry.estimator_of(registry.row(name), Looking(), CPU, detector=Nowhere())
    box = np.array([[80.0, 30.0, 95.0, 120.0]])
    estimator.in_boxes([person], [box])
    size = registry.row(name).input
    matrix = FRAMINGS[framing].to_source(FRAMINGS[framing].pieces(box, size, MARGIN), size)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    expected = cv2.warpAffine(person.astype(np.float32), matrix[0], size[::-1], flags=flags)
    mean, deviation = np.array((0.485, 0.456, 0.406)), np.array((0.229, 0.224, 0.225))
    ours = (seen[0][0].permute(1, 2, 0).numpy() * deviation + mean) * 255
    # OpenCV's weights are multiples of 1/32 of a pixel.
    assert np.abs(ours - expected).mean() < 0.5


@pytest.mark.parametrize("name", ["movenet-lightning", "movenet-thunder"])
def test_movenet_looks_at_boxes(name, person):
    """Somebody small in a large frame is found in a box as in a frame of their own."""
    estimator = registry.load_estimator(name, device="cpu")
    large = np.zeros((720, 1280, 3), np.uint8)
    large[300:492, 700:892] = person
    whole = estimator([person], [None])[0]
    boxed = estimator.in_boxes([large, large], [np.array([[700.0, 300, 192, 192]]), np.zeros((0, 4))], margin=1.0)
    assert [len(each) for each in boxed] == [1, 0]
    seen = whole.score[0] >= 0.4
    assert seen.sum() >= 5
    np.testing.assert_allclose((boxed[0].xy[0] - (700, 300))[seen], whole.xy[0][seen], atol=1)
    wider = estimator.in_boxes([large], [np.array([[700.0, 300, 192, 192]])], margin=1.25)[0]
    assert 0 < np.abs(wider.xy[0] - boxed[0].xy[0])[seen].max() < 20


def test_movenet_takes_a_detector(person):
    """Then it sees several, and follows nobody."""
    estimator = registry.load_estimator("movenet-thunder", device="cpu", detector="movenet-multipose")
    two = np.concatenate((person, person[:, ::-1]), 1)
    people = estimator([two], [None])[0]
    assert (estimator.several, estimator.wants_hints, len(people)) == (True, False, 2)
    assert estimator.next_hint(people, two.shape[:2]) is None


def test_who_looks_at_no_boxes_says_so():
    estimator = registry.load_estimator("movenet-multipose", device="cpu")
    with pytest.raises(ConfigError, match="whole frames only"):
        estimator.in_boxes([], [])


@pytest.mark.parametrize("boxes", [np.zeros((2, 5)), np.zeros(4), np.array([[np.nan, 0, 1, 1]])])
def test_boxes_that_are_none_are_refused(boxes):
    estimator = registry.load_estimator("movenet-lightning", device="cpu")
    with pytest.raises(ValueError, match="x, y, w, h"):
        estimator.in_boxes([np.zeros((9, 9, 3), np.uint8)], [boxes])
    with pytest.raises(ValueError, match="for each"):
        estimator.in_boxes([np.zeros((9, 9, 3), np.uint8)], [])


def test_a_top_down_row_needs_boxes(baseline):
    with pytest.raises(ConfigError, match="needs a detector"):
        registry.estimator_of(registry.row("simple-baseline-r50"), baseline, CPU)


@pytest.mark.parametrize("name", ["simple-baseline-r50", "prtr-r50-384"])
def test_the_flip_test_does_not_tell_a_picture_from_its_mirror(name, person):
    """Up to the cell that the published shift throws away: queries are exact, maps compared by their scores."""
    network = registry.build_network(name)
    flipped = registry.estimator_of(registry.row(name), network, CPU, detector=Nowhere(), flip=True)
    box = np.array([[24.0, 20.0, 144.0, 150.0]])
    one = flipped.in_boxes([person], [box])[0]
    other = flipped.in_boxes([np.ascontiguousarray(person[:, ::-1])], [box])[0]
    turned = other.xy[0, MIRROR] * (-1, 1) + (192, 0)
    if name.startswith("prtr"):
        np.testing.assert_allclose(turned, one.xy[0], atol=1.5)
    np.testing.assert_allclose(other.score[0, MIRROR], one.score[0], atol=0.05)
