"""Sequential PRTR as an estimator: persons by their own threshold, joints and boxes in source pixels."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from posebeam.models import registry

ROW = replace(registry.row("prtr-sequential-r50"), input=(96, 128))
SURE = torch.tensor([0.6, 0.95, 0.3])  # of three persons


class Says(nn.Module):
    """Three persons in every picture, of 17 queries each: query q is joint q, at (q, person) / 20."""

    def forward(self, images, outside):
        B = len(images)
        logits = torch.stack((torch.zeros(3), (SURE / (1 - SURE)).log()), -1)
        places = torch.stack(torch.meshgrid(torch.arange(3), torch.arange(17), indexing="ij"), -1).flip(-1) / 20
        joints = torch.zeros(3, 17, 18)
        joints[:, range(17), range(1, 18)] = 6  # class 0 is no joint
        boxes = torch.tensor((0.5, 0.25, 0.2, 0.1)).repeat(3, 1)
        said = {
            "pred_logits": logits, "pred_boxes": boxes, "pred_kpt_coord": places, "pred_kpt_logits": joints,
        }  # fmt: skip
        return {name: each.expand(B, *each.shape) for name, each in said.items()}


def estimator(row: registry.Row = ROW):
    return registry.estimator_of(row, Says(), torch.device("cpu"))


def test_who_is_sure_enough_is_there_surest_first():
    (people,) = estimator()([np.zeros((240, 400, 3), np.uint8)], [None])
    assert people.sure == pytest.approx([0.95, 0.6])
    everybody = estimator(replace(ROW, min_person=0.1))([np.zeros((240, 400, 3), np.uint8)], [None])[0]
    assert everybody.sure == pytest.approx([0.95, 0.6, 0.3])


def test_joints_and_boxes_are_in_source_pixels_whatever_the_padding():
    frames = [np.zeros((240, 400, 3), np.uint8), np.zeros((500, 100, 3), np.uint8)]
    for frame, people in zip(frames, estimator()(frames, [None, None]), strict=True):
        height, width = frame.shape[:2]
        expected = np.stack((np.arange(17) / 20 * width, np.full(17, 1 / 20 * height)), -1)
        np.testing.assert_allclose(people.xy[0], expected, rtol=1e-5, atol=1e-3)
        box = np.array((0.4 * width, 0.2 * height, 0.6 * width, 0.3 * height))
        np.testing.assert_allclose(people.boxes[0], box, rtol=1e-5)
    assert people.score == pytest.approx(np.full((2, 17), np.exp(6) / (np.exp(6) + 17)), rel=1e-4)


def test_a_row_of_higher_demands_sees_nobody():
    assert len(estimator(replace(ROW, min_score=0.99))([np.zeros((240, 400, 3), np.uint8)], [None])[0]) == 0
