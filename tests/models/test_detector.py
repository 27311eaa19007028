"""Detectors: boxes of people in source pixels, from pose networks, DETR and Faster R-CNN."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from posebeam.models import registry
from posebeam.models.canvas import LONGEST, STEP, Canvas
from posebeam.models.detector import Boxes, PoseDetector
from posebeam.transforms.errors import ConfigError

CPU = torch.device("cpu")
LOW = (96, 128)  # pixels; the published 800 take seconds


class Red(nn.Module):
    """Stands for DETR: a person (class 1) around what is red, a dog (18) around what is green, nothing else.

    Boxes are fractions of the picture without its padding.
    """

    def forward(self, images, outside):
        logits, boxes = torch.zeros(len(images), 3, 92), torch.zeros(len(images), 3, 4)
        logits[:, :, 91] = 3
        for index, (image, rest) in enumerate(zip(images, outside, strict=True)):
            assert (image[:, rest] == 0).all()
            sides = torch.tensor(((~rest).any(0).sum(), (~rest).any(1).sum()))
            for query, (channel, label) in enumerate(((0, 1), (1, 18))):
                rows, columns = torch.nonzero((image[channel] > 1) & ~rest, as_tuple=True)
                if len(rows):
                    low = torch.stack((columns.min(), rows.min())) / sides
                    high = torch.stack((columns.max() + 1, rows.max() + 1)) / sides
                    logits[index, query, label] = 9
                    boxes[index, query] = torch.cat(((low + high) / 2, high - low))
        return {"pred_logits": logits, "pred_boxes": boxes}


def detector(min_person: float = 0.7):
    return registry.detector_of(replace(registry.row("detr-r50"), input=LOW, min_person=min_person), Red(), CPU)


def frame(size: tuple[int, int], red: tuple[int, int, int, int], channel: int = 0) -> np.ndarray:
    """Black, with a box x, y, w, h of one colour."""
    x, y, w, h = red
    image = np.zeros((*size, 3), np.uint8)
    image[y : y + h, x : x + w, channel] = 255
    return image


@pytest.mark.parametrize(("size", "box"), [((48, 64), (10, 8, 30, 24)), ((240, 100), (40, 100, 20, 140))])
def test_a_person_is_boxed_where_they_are(size, box):
    """Enlarged or made smaller, wide or tall, with padding or without."""
    (found,) = detector()([frame(size, box)])
    assert len(found) == 1
    np.testing.assert_allclose(found.xywh[0], box, atol=1.5 * min(size) / min(LOW) + 0.01)
    assert found.score[0] == pytest.approx(np.exp(9) / (np.exp(9) + np.exp(3) + 90), rel=1e-4)


def test_dogs_and_doubts_are_nobody():
    assert len(detector()([frame((48, 64), (10, 8, 30, 24), channel=1)])[0]) == 0
    assert len(detector(min_person=0.999)([frame((48, 64), (10, 8, 30, 24))])[0]) == 0


def test_frames_of_several_sizes_keep_their_order():
    sizes = [(48, 64), (64, 48), (48, 64), (100, 100), (60, 61)]
    found = detector()([frame(size, (5, 4, 20 + index, 30)) for index, size in enumerate(sizes)])
    assert [round(boxes.xywh[0, 2]) for boxes in found] == [20, 21, 22, 23, 24]


def test_an_output_that_is_not_finite_makes_the_frame_so():
    class Broken(Red):
        def forward(self, images, outside):
            return {name: each * torch.nan for name, each in super().forward(images, outside).items()}

    made = registry.detector_of(replace(registry.row("detr-r50"), input=LOW), Broken(), CPU)
    (found,) = made([frame((48, 64), (10, 8, 30, 24))])
    assert (len(found), found.finite) == (0, False)


@pytest.mark.parametrize(
    ("picture", "shown"),
    [
        ((480, 640), (800, 1066)), ((640, 480), (1066, 800)), ((1080, 1920), (750, 1333)),
        ((427, 640), (800, 1199)), ((100, 1000), (133, 1330)), ((800, 800), (800, 800)), ((1, 900), (1, 900)),
    ],
)  # fmt: skip
def test_pictures_are_shown_in_the_published_size(picture, shown):
    """The shorter side 800, the longer one at most 1333, as datasets/transforms.py of DETR computes them."""
    canvas = Canvas.of(registry.row("detr-r50"), CPU)
    assert canvas.picture(picture) == shown
    assert max(shown) <= LONGEST
    size = canvas.size(np.zeros((*picture, 3), np.uint8))
    assert all(0 <= side - own < STEP and side % STEP == 0 for side, own in zip(size, shown, strict=True))


def test_boxes_come_surest_first_and_are_checked():
    boxes = Boxes.of(np.array([[0, 0, 5, 5], [1, 2, 4, 8], [9, 9, 3, 9]]), np.array([0.2, 0.9, 0.5]))
    assert boxes.xywh.tolist() == [[1, 2, 3, 6], [9, 9, 0, 0], [0, 0, 5, 5]]
    assert boxes.score == pytest.approx([0.9, 0.5, 0.2])
    with pytest.raises(ValueError, match="float64"):
        Boxes(np.zeros((2, 4), np.float32), np.zeros(2, np.float32))


def test_multipose_gives_its_own_boxes_with_its_own_scores(person):
    two = np.concatenate((person, person[:, ::-1]), 1)
    estimator = registry.load_estimator("movenet-multipose", device="cpu")
    people, (found,) = estimator([two], [None])[0], PoseDetector(estimator)([two])
    assert len(found) == len(people) == 2
    assert (found.score == np.sort(people.sure)[::-1]).all()
    corners = np.concatenate((found.xywh[:, :2], found.xywh[:, :2] + found.xywh[:, 2:]), 1)
    np.testing.assert_allclose(corners, people.boxes, atol=1e-3)
    assert [len(each) for each in PoseDetector(estimator)([two, np.zeros((50, 60, 3), np.uint8)])] == [2, 0]


def test_who_sees_one_person_is_no_detector():
    with pytest.raises(ConfigError, match="cannot be a detector"):
        PoseDetector(registry.load_estimator("movenet-lightning", device="cpu"))
