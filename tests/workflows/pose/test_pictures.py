"""Whole pictures as a network in training sees them."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from posebeam.models.canvas import Canvas
from posebeam.models.pixels import DEVIATION, MEAN
from posebeam.models.registry import row
from posebeam.pipelines.images.reader import ImageReader
from posebeam.transforms.errors import DataError
from posebeam.transforms.picture_augment import WHOLE_PICTURE, PictureAugmentation
from posebeam.transforms.skeleton import skeleton
from posebeam.workflows.pose.data import pose_loader
from posebeam.workflows.pose.pictures import Persons, PictureSet, in_window, mirror_image

BODY = skeleton("coco17")
LEFT, RIGHT = BODY.index("left_ankle"), BODY.index("right_ankle")
ANKLES = {LEFT: (110.0, 90.0), RIGHT: (170.0, 130.0)}  # from the corner of the first pixel
ROW = replace(row("prtr-sequential-r50"), input=(160, 213))


def entry(number, box, joints, crowd=0):
    """COCO's entry of a person with these joints."""
    keypoints = np.zeros((17, 3))
    for joint, (x, y) in joints.items():
        keypoints[joint] = (x - 0.5, y - 0.5, 2)
    return {
        "id": number, "bbox": list(box), "keypoints": keypoints.ravel().tolist(), "num_keypoints": len(joints),
        "area": 900.0, "iscrowd": crowd,
    }  # fmt: skip


def picture(height, width):
    """Blue within the box of the first person, whose left ankle glows red and right ankle green."""
    y, x = np.mgrid[:height, :width] + 0.5
    shown = np.zeros((height, width, 3))
    for channel, joint in enumerate((LEFT, RIGHT)):
        away = (x - ANKLES[joint][0]) ** 2 + (y - ANKLES[joint][1]) ** 2
        shown[..., channel] = 255 * np.exp(-away / (2 * 4**2))
    shown[60:160, 80:200, 2] = 255
    return shown.round().astype(np.uint8)


@pytest.fixture(scope="module")
def reader(tmp_path_factory, make_images):
    """A lying and an upright picture with an annotated person, a person without joints and a crowd; and one
    where nobody has a joint."""
    people = [
        entry(1, (80, 60, 120, 100), ANKLES),
        entry(2, (20, 20, 30, 40), {}),
        entry(3, (0, 0, 200, 50), {}, 1),
    ]
    pictures = [{"picture": picture(h, w), "people": people} for h, w in ((240, 320), (320, 240))]
    pictures.append({"picture": picture(240, 320), "people": people[1:]})
    return ImageReader(make_images(tmp_path_factory.mktemp("pictures"), pictures))


@pytest.mark.parametrize("place", [0, 1])
def test_without_augmentation_a_network_sees_what_the_estimator_shows_it(reader, place):
    batch = PictureSet(reader, np.arange(3), ROW, WHOLE_PICTURE)[place]
    canvas = Canvas.of(ROW, torch.device("cpu"))
    (frame,) = reader.images([place])
    shown = canvas.prepare(canvas.size(frame), [frame])
    assert torch.equal(batch.image, shown[:, :3])
    assert torch.equal(batch.padding, shown[:, 3] > 0)


def test_everybody_who_is_no_crowd_is_a_box(reader):
    pictures = PictureSet(reader, np.arange(3), ROW, WHOLE_PICTURE)
    assert len(pictures) == 2
    batch = pictures.__getitems__([0, 1])
    assert batch.image.shape == (2, 3, 256, 256)  # each is padded to the largest of both
    assert batch.image_id.tolist() == [1, 2]
    assert batch.boxes[0] == pytest.approx(
        torch.tensor([[140 / 320, 110 / 240, 120 / 320, 100 / 240], [35 / 320, 40 / 240, 30 / 320, 40 / 240]])
    )
    assert [seen.sum(1).tolist() for seen in batch.visible] == [[2, 0]] * 2
    assert batch.joints[1][0, LEFT].tolist() == pytest.approx([110 / 240, 90 / 320])


def test_boxes_and_joints_lie_on_what_they_are_of(reader):
    augmentation = PictureAugmentation(window=(150, 500))  # smaller ones than published cut more
    pictures = PictureSet(reader, np.arange(3), ROW, augmentation, seed=0)
    sides, mirrored, cut = set(), [], 0
    for number in range(80):
        batch = pictures[number]
        glow = uncovered(batch)
        h, w = glow.shape[:2]
        sides.add(min(h, w))
        person = [*batch.visible[0].any(1).nonzero()]
        if not person or not batch.visible[0][person[0], [LEFT, RIGHT]].all():
            cut += 1
            continue
        cx, cy, bw, bh = batch.boxes[0][person[0]].squeeze().tolist()
        ys, xs = np.nonzero(glow[..., 2] > 0.5)
        assert [cx - bw / 2, cx + bw / 2] == pytest.approx([xs.min() / w, (xs.max() + 1) / w], abs=0.6 / w)
        assert [cy - bh / 2, cy + bh / 2] == pytest.approx([ys.min() / h, (ys.max() + 1) / h], abs=0.6 / h)
        red, green = (middle(glow[..., channel]) for channel in (0, 1))
        mirrored.append(red[0] > green[0])
        for joint, found in zip((RIGHT, LEFT) if mirrored[-1] else (LEFT, RIGHT), (red, green), strict=True):
            if (np.minimum(found, (w - found[0], h - found[1])) > 20).all():  # else its glow may be cut
                xy = batch.joints[0][person[0], joint].squeeze().numpy() * (w, h)
                assert xy == pytest.approx(found, abs=0.15)
    assert 0.3 < np.mean(mirrored) < 0.7
    assert 0 < cut < 40
    assert len(sides) > 5
    assert max(sides) == 160


def uncovered(batch):
    """The first picture [h, w, 3] without its padding, 0 to 1."""
    inside = ~batch.padding[0]
    h, w = int(inside.any(1).sum()), int(inside.any(0).sum())
    return (batch.image[0].permute(1, 2, 0).double().numpy() * DEVIATION + MEAN)[:h, :w].clip(0, 1)


def middle(weight):
    """The middle x, y of what glows [h, w], from the corner of the first pixel."""
    y, x = np.mgrid[: weight.shape[0], : weight.shape[1]] + 0.5
    return np.array([(weight * x).sum(), (weight * y).sum()]) / weight.sum()


def test_who_is_not_in_the_window_is_left_out_and_boxes_are_cut():
    joints = np.zeros((2, 17, 2))
    joints[0, 0], joints[0, 1] = (15, 15), (40, 15)
    visible = np.zeros((2, 17), bool)
    visible[0, :2] = True
    boxes = np.array([[0.0, 10, 20, 30], [50, 50, 60, 60]])
    seen = in_window(Persons(boxes, joints, visible), [10, 10, 30, 50])
    assert seen.boxes.tolist() == [[0.25, 0.25, 0.5, 0.5]]
    assert seen.visible.sum() == 1
    assert seen.joints[0, :2].tolist() == [[0.25, 0.125], [0, 0]]


def test_a_mirrored_person_is_the_other_side_at_the_other_end():
    joints, visible = np.zeros((1, 17, 2)), np.zeros((1, 17), bool)
    joints[0, LEFT], visible[0, LEFT] = (30, 7), True
    seen = mirror_image(Persons(np.array([[20.0, 0, 50, 9]]), joints, visible), 100, list(BODY.mirror))
    assert seen.boxes.tolist() == [[50, 0, 80, 9]]
    assert seen.visible[0].nonzero()[0].tolist() == [RIGHT]
    assert seen.joints[0, RIGHT].tolist() == [70, 7]


def test_workers_see_the_same(reader):
    pictures = PictureSet(reader, np.arange(3), ROW, PictureAugmentation(), seed=0)
    here, there = ([*pose_loader(pictures, 2, workers=workers)] for workers in (0, 1))
    assert torch.equal(here[0].image, there[0].image)
    assert all(torch.equal(a, b) for a, b in zip(here[0].boxes, there[0].boxes, strict=True))


def test_pictures_without_anybody_are_refused(reader):
    with pytest.raises(DataError, match="nobody in its 1 images"):
        PictureSet(reader, np.array([2]), ROW, WHOLE_PICTURE)
