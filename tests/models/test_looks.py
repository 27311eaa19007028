"""Several looks at a frame: mirrored and from nearer, everybody once, as the surest look saw them."""

import cv2
import numpy as np
import pytest

from posebeam.models.looks import Looks, load_looks, unmirrored
from posebeam.models.registry import load_estimator
from posebeam.pipelines.decode import open_clip
from posebeam.transforms.errors import ConfigError
from posebeam.transforms.people import People
from posebeam.transforms.skeleton import skeleton

FRAME = np.zeros((40, 100, 3), np.uint8)
JOINTS = np.column_stack([np.arange(17) * 1.5, np.arange(17) * 2.0]).astype(np.float32)  # [17, 2]


class Look:
    """Sees people at given places, as sure as given, in each frame."""

    name, min_score, several, wants_hints, device_kind, batch_size, halvings = (
        "look",
        0.2,
        True,
        False,
        "cpu",
        4,
        1,
    )
    skeleton = skeleton("coco17")

    def __init__(self, *people: tuple[float, float], knows: bool = True, finite: bool = True):
        self._people, self._knows, self._finite = people, knows, finite

    def __call__(self, frames, hints):
        if not self._finite:
            return [People.nobody("coco17", finite=False)] * len(frames)
        xy = np.array([JOINTS + x for x, _ in self._people], np.float32).reshape(-1, 17, 2)
        sure = np.array([sure for _, sure in self._people], np.float32)
        score = np.repeat(sure[:, None], 17, 1)
        boxes = np.concatenate((xy.min(1), xy.max(1)), 1) if len(xy) else np.zeros((0, 4), np.float32)
        return [People("coco17", xy, score, boxes, sure=sure if self._knows else None)] * len(frames)


def see(*looks: Look, flip: bool = False) -> People:
    (people,) = Looks(looks, flip)([FRAME], [None])
    return people


@pytest.mark.parametrize("knows", [True, False])
def test_of_who_is_seen_by_several_the_surest_look_counts(knows):
    people = see(Look((10, 0.5), (60, 0.8), knows=knows), Look((10.5, 0.7), (35, 0.3), knows=knows))
    np.testing.assert_allclose(people.xy[:, 0, 0], [60, 10.5, 35])
    np.testing.assert_allclose(people.sure, [0.8, 0.7, 0.3], rtol=1e-6)


def test_a_look_that_is_not_finite_spoils_the_frame():
    people = see(Look((10, 0.5)), Look(finite=False))
    assert (len(people), people.finite) == (0, False)
    assert len(see(Look())) == 0


def test_mirrored_people_are_turned_back():
    ((there,),) = (Look((60, 0.8))([FRAME], [None]) for _ in "1")
    back = unmirrored(there, FRAME)
    np.testing.assert_allclose(back.xy[0, 1], (100 - there.xy[0, 2, 0], there.xy[0, 2, 1]))  # eyes change sides
    np.testing.assert_allclose(back.boxes[0], (100 - 84, 60, 100 - 60, 92))
    np.testing.assert_array_equal(unmirrored(back, FRAME).xy, there.xy)
    assert (back.boxes[:, 2:] >= back.boxes[:, :2]).all()
    assert len(see(Look((60, 0.8)), flip=True)) == 2  # a made look sees the same in the mirror


@pytest.fixture(scope="module")
def frame(media):
    """A real frame, in which somebody walks."""
    rgb = next(iter(open_clip(media / "actions/walking/garden_2.avi"))).rgb
    return cv2.resize(rgb, (320, 240))


def test_one_look_is_the_backbone_itself(frame):
    (once,) = load_looks("movenet-multipose", device="cpu")([frame], [None])
    (people,) = load_estimator("movenet-multipose", device="cpu")([frame], [None])
    np.testing.assert_array_equal(once.xy, people.xy)
    np.testing.assert_array_equal(once.sure, people.sure)


def test_a_frame_and_its_mirror_image_show_the_same_people(frame):
    looks = load_looks("movenet-multipose", device="cpu", scales=2, flip=True)
    straight, mirrored = looks([frame, np.ascontiguousarray(frame[:, ::-1])], [None, None])
    back = unmirrored(mirrored, frame)
    assert len(straight) == len(back) >= 1
    np.testing.assert_allclose(back.xy, straight.xy, atol=1e-2)
    np.testing.assert_allclose(back.sure, straight.sure, atol=1e-4)


@pytest.mark.parametrize(
    ("name", "more", "problem"),
    [
        ("movenet-thunder", {}, "sees one person a frame"),
        ("hrnet-w32", {}, "does not see whole frames"),
        ("movenet-multipose", {"scales": 0}, "scales: got 0, expected 1 to 4"),
        ("movenet-multipose", {"scales": 5}, "scales: got 5"),
    ],
)
def test_what_cannot_be_is_refused(name, more, problem):
    with pytest.raises(ConfigError, match=problem):
        load_looks(name, device="cpu", **more)
