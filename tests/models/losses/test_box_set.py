"""DETR's set loss against the published one."""

from pathlib import Path

import numpy as np
import pytest
import torch

from posebeam.models.losses.box_set import box_set_loss, giou, match_boxes
from posebeam.transforms.errors import DataError


@pytest.fixture(scope="module")
def golden():
    """Made by DETR's code: 2 images with 3 and 5 boxes, 4 and 0, 0 and 0; and a crowd. Some gradients thinned."""
    with np.load(Path(__file__).parents[1] / "golden" / "box_set.npz") as file:
        return {name: torch.from_numpy(file[name]) for name in file.files}


def truth(golden, case):
    return tuple([golden[f"{case}/{name}{image}"] for image in range(2)] for name in ("labels", "boxes"))


@pytest.mark.parametrize("case", ["two_images", "one_empty", "all_empty"])
def test_terms_matches_and_gradients_equal_the_published_ones(golden, case):
    layers = [
        {
            "pred_logits": golden[f"{case}/logits{layer}"].clone().requires_grad_(),
            "pred_boxes": golden[f"{case}/pred_boxes{layer}"].clone().requires_grad_(),
        }
        for layer in range(3)
    ]
    labels, boxes = truth(golden, case)
    terms = box_set_loss({**layers[-1], "aux_outputs": layers[:-1]}, labels, boxes)
    assert terms.total.item() == pytest.approx(golden[f"{case}/total"].item(), rel=1e-6)
    for name, value in terms.parts.items():
        assert value.item() == pytest.approx(golden[f"{case}/{name}"].item(), rel=1e-6), name
    for number, layer in enumerate(layers):
        for image, match in enumerate(match_boxes(layer["pred_logits"], layer["pred_boxes"], labels, boxes)):
            assert torch.equal(torch.stack(match), golden[f"{case}/match{number}_{image}"])
    terms.total.backward()
    for name, want, every in (("pred_logits", "grad_logits2", 11), ("pred_boxes", "grad_pred_boxes2", 1)):
        want = golden[f"{case}/{want}"].flatten()
        assert (layers[-1][name].grad.flatten()[::every] - want).abs().max() <= 1e-6 * want.abs().max()


def test_a_crowd_is_matched_by_all_three_costs(golden):
    labels, boxes = truth(golden, "crowd")
    matches = match_boxes(golden["crowd/logits"], golden["crowd/pred_boxes"], labels, boxes)
    for image, match in enumerate(matches):
        assert torch.equal(torch.stack(match), golden[f"crowd/match_{image}"])


def test_giou_equals_the_published_one(golden):
    found = giou(golden["two_images/pred_boxes2"][0], golden["two_images/boxes1"])
    assert (found - golden["giou_image0_queries_to_image1_boxes"]).abs().max() < 1e-6


def test_the_background_may_be_the_first_class(golden):
    labels, boxes = truth(golden, "two_images")
    logits, said = golden["two_images/logits2"], golden["two_images/pred_boxes2"]
    last = box_set_loss({"pred_logits": logits, "pred_boxes": said}, labels, boxes)
    turned = {"pred_logits": logits.roll(1, -1), "pred_boxes": said}
    first = box_set_loss(turned, [label + 1 for label in labels], boxes, background=0)
    for name, value in last.parts.items():
        assert first.parts[name].item() == pytest.approx(value.item(), rel=1e-6), name


def test_boxes_that_are_not_finite_are_named():
    said = torch.full((1, 2, 4), torch.nan)
    with pytest.raises(DataError, match="not finite"):
        match_boxes(torch.zeros(1, 2, 3), said, [torch.tensor([1])], [torch.rand(1, 4)])
