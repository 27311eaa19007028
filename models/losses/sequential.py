"""The sequential model's loss: DETR's for persons, then PRTR's set loss for the joints of each matched person.

The publication's code has the model and a read-out, but no loss: this design is posebeam's own. Both parts are the
published ones of the two-stage system, with the background first, as the model's classes are.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor

from posebeam.models.losses import box_set, joint_set
from posebeam.models.losses.box_set import Match
from posebeam.models.losses.terms import Terms, over_layers
from posebeam.models.networks.prtr_sequential import CONTEXT

PERSON = 1  # the class of a person; 0 is none
JOINTS = "joints_"  # before the names of the joints' terms
WEIGHTS: Mapping[str, float] = MappingProxyType(
    {**box_set.WEIGHTS, **{JOINTS + name: weight for name, weight in joint_set.WEIGHTS.items()}}
)


def sequential_loss(
    outputs: Mapping[str, Any], boxes: Sequence[Tensor], joints: Sequence[Tensor], visible: Sequence[Tensor]
) -> Terms:
    """SequentialPRTR's outputs to loss and parts: those of persons, and `joints_...` those of joints.

    Of each image boxes [n, 4] (cx, cy, w, h), joints [n, K, 2] (x, y; both as parts of the image) and visible
    [n, K]. n may be 0. Persons of whom no joint is seen are boxes only. Distances of joints count in parts of
    the person's true box, widened as the model's crops are, so that a small person weighs as much as a large
    one, as in the two-stage system. Persons that are not matched have no joints, and nothing is asked of them.
    aux_outputs, where there are any, hold all four outputs of each earlier layer.
    """
    return over_layers(outputs, partial(_of_layer, boxes=boxes, joints=joints, visible=visible), WEIGHTS)


def _of_layer(
    layer: Mapping[str, Tensor], boxes: Sequence[Tensor], joints: Sequence[Tensor], visible: Sequence[Tensor]
) -> dict[str, Tensor]:
    logits, said = layer["pred_logits"], layer["pred_boxes"]
    labels = [torch.full((len(each),), PERSON, device=logits.device) for each in boxes]
    matches = box_set.match_boxes(logits, said, labels, boxes)
    persons = box_set.box_terms(logits, said, labels, boxes, matches, background=0)
    of_joints = _joints(layer, matches, boxes, joints, visible)
    return {**persons, **{JOINTS + name: value for name, value in of_joints.items()}}


def _joints(
    layer: Mapping[str, Tensor], matches: Sequence[Match],
    boxes: Sequence[Tensor], joints: Sequence[Tensor], visible: Sequence[Tensor],
) -> dict[str, Tensor]:  # fmt: skip
    """The set loss's terms over all M matched persons of whom a joint is seen."""
    of_images = zip(
        layer["pred_kpt_logits"], layer["pred_kpt_coord"], matches, boxes, joints, visible, strict=True
    )
    rows = [
        (logits[query], coords[query], box[target], joint[target], seen[target])
        for logits, coords, (query, target), box, joint, seen in of_images
    ]
    logits, coords, box, joint, seen = (torch.cat(part) for part in zip(*rows, strict=True))  # [M, ...] each
    kept = (seen > 0).any(1)
    logits, coords, box, joint, seen = (part[kept] for part in (logits, coords, box, joint, seen))
    corner, side = box[:, None, :2] - box[:, None, 2:] * CONTEXT / 2, box[:, None, 2:] * CONTEXT  # [M, 1, 2]
    coords, joint = ((xy - corner) / side for xy in (coords, joint))
    return joint_set.joint_terms(logits, coords, joint, seen, background_first=True)
