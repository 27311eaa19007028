"""DETR's decoder against the published one."""

from pathlib import Path

import numpy as np
import pytest
import torch

from posebeam.models.decoders.detr import decode, in_pixels


def test_scores_labels_and_boxes_equal_the_published_ones():
    with np.load(Path(__file__).parents[1] / "golden" / "detr.npz") as file:
        golden = {name: torch.from_numpy(file[name]) for name in file.files}
    score, label, corners = decode(golden["logits"], golden["boxes"])
    boxes = in_pixels(corners, golden["sizes"])
    for image in (0, 1):
        assert score[image].numpy() == pytest.approx(golden[f"scores{image}"].numpy(), abs=1e-6)
        assert torch.equal(label[image], golden[f"labels{image}"])
        assert boxes[image].numpy() == pytest.approx(golden[f"boxes{image}"].numpy(), abs=1e-3)


def test_no_object_is_never_the_label():
    logits = torch.zeros(1, 1, 4)
    logits[..., 3], logits[..., 1] = 9, 1
    score, label, corners = decode(logits, torch.tensor([[[0.5, 0.4, 0.2, 0.6]]]))
    assert label.item() == 1
    assert score.item() < 0.001
    assert corners[0, 0].tolist() == pytest.approx([0.4, 0.1, 0.6, 0.7])
    assert in_pixels(corners, torch.tensor([[100, 200]]))[0, 0].tolist() == pytest.approx([80, 10, 120, 70])
