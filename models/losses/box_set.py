"""DETR's set loss: each box is given a query of its own, and the queries are judged by that.

Source: Carion et al., arXiv 2005.12872, section 3.1, equations 1 and 2, and A.2; github.com/facebookresearch/detr.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Any

import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor
from torchvision.ops import box_convert, generalized_box_iou

from posebeam.models.losses.processes import mean_over_processes
from posebeam.models.losses.terms import Terms, cardinality_error, class_error, class_loss, over_layers
from posebeam.transforms.errors import DataError

# Of the terms, and of class, L1 and GIoU in the matching: the same three numbers.
WEIGHTS: Mapping[str, float] = MappingProxyType({"loss_ce": 1.0, "loss_bbox": 5.0, "loss_giou": 2.0})

Match = tuple[Tensor, Tensor]  # queries, ascending, and their targets: int64 [n] each


def box_set_loss(
    outputs: Mapping[str, Any], labels: Sequence[Tensor], boxes: Sequence[Tensor], background: int = -1
) -> Terms:
    """DETR's outputs (pred_logits [B, Q, C], pred_boxes [B, Q, 4], aux_outputs) to loss and parts.

    labels int64 [n] and boxes [n, 4] (cx, cy, w, h as parts of the image) of each of the B images; n may be 0.
    background: the class of no object, the last of C unless said.
    """
    return over_layers(outputs, partial(_of_layer, labels=labels, boxes=boxes, background=background), WEIGHTS)


def _of_layer(
    layer: Mapping[str, Tensor], labels: Sequence[Tensor], boxes: Sequence[Tensor], background: int
) -> dict[str, Tensor]:
    logits, said = layer["pred_logits"], layer["pred_boxes"]
    return box_terms(logits, said, labels, boxes, match_boxes(logits, said, labels, boxes), background)


def box_terms(
    logits: Tensor, said: Tensor, labels: Sequence[Tensor], boxes: Sequence[Tensor], matches: Sequence[Match],
    background: int = -1,
) -> dict[str, Tensor]:  # fmt: skip
    """One layer's loss_ce, loss_bbox, loss_giou, class_error and cardinality_error under given matches.

    Boxes' terms are sums over the pairs, divided by the number of true boxes in the batch (of several processes:
    in the mean), 1 at least.
    """
    image = torch.cat([torch.full_like(query, index) for index, (query, _) in enumerate(matches)])  # [M]
    query = torch.cat([query for query, _ in matches])
    label = torch.cat([each[target] for each, (_, target) in zip(labels, matches, strict=True)])
    true = torch.cat([each[target] for each, (_, target) in zip(boxes, matches, strict=True)]).float()  # [M, 4]
    classes = torch.full(logits.shape[:2], background % logits.shape[-1], device=logits.device)
    classes[image, query] = label
    found = said[image, query].float()
    counts = torch.tensor([len(each) for each in boxes], device=logits.device)
    count = mean_over_processes(counts.sum().float()).clamp(min=1)
    return {
        "loss_ce": class_loss(logits, classes, background),
        "loss_bbox": (found - true).abs().sum() / count,
        "loss_giou": (1 - giou(found, true).diagonal()).sum() / count,
        "class_error": class_error(logits[image, query], label),
        "cardinality_error": cardinality_error(logits, counts, background),
    }


@torch.no_grad()
def match_boxes(logits: Tensor, said: Tensor, labels: Sequence[Tensor], boxes: Sequence[Tensor]) -> list[Match]:
    """A query for each box of each image: least sum of 5 L1 - 2 GIoU - probability. Shapes as `box_set_loss`."""
    chance = logits.float().softmax(-1)
    return [_match(*each) for each in zip(chance, said.float(), labels, boxes, strict=True)]


def _match(chance: Tensor, said: Tensor, labels: Tensor, boxes: Tensor) -> Match:
    """chance [Q, C], said [Q, 4], labels [n], boxes [n, 4]."""
    cost = (
        WEIGHTS["loss_bbox"] * torch.cdist(said, boxes.float(), p=1)
        - WEIGHTS["loss_ce"] * chance[:, labels]
        - WEIGHTS["loss_giou"] * giou(said, boxes.float())
    )  # [Q, n]
    if not cost.isfinite().all():
        raise DataError("the network's boxes or their targets are not finite: nothing to match; lower the rate")
    query, target = (torch.from_numpy(part).to(said.device) for part in linear_sum_assignment(cost.cpu()))
    return query, target


def giou(one: Tensor, other: Tensor) -> Tensor:
    """Generalised intersection over union [N, M] of boxes [N, 4] and [M, 4]: cx, cy, w, h.

    Source: Rezatofighi et al., arXiv 1902.09630, algorithm 1.
    """
    return generalized_box_iou(*(box_convert(boxes, "cxcywh", "xyxy") for boxes in (one, other)))
