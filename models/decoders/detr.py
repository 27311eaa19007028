"""DETR's decoder: class logits and boxes to scored boxes."""

from collections.abc import Mapping

import torch
from torch import Tensor

PERSON = 1  # COCO's number


def decode(logits: Tensor, boxes: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Logits [B, Q, C + 1] (no object last) and boxes [B, Q, 4] (cx, cy, w, h) to score, label and corners.

    score [B, Q] and label int64 [B, Q]: the likeliest of the C classes, softmax over all C + 1. Corners
    [B, Q, 4]: x0, y0, x1, y1 in the fractions that boxes are given in.
    Source: PostProcess of github.com/facebookresearch/detr (Carion et al., arXiv 2005.12872).
    """
    score, label = logits.softmax(-1)[..., :-1].max(-1)
    half = boxes[..., 2:] / 2
    return score, label, torch.cat((boxes[..., :2] - half, boxes[..., :2] + half), -1)


def in_pixels(corners: Tensor, sizes: Tensor) -> Tensor:
    """Corners [B, Q, 4] in fractions of pictures of sizes [B, 2] (h, w) to pixels [B, Q, 4]."""
    return corners * sizes.flip(1).repeat(1, 2)[:, None]


def persons(raw: Mapping[str, Tensor]) -> Tensor:
    """What DETR says to [B, Q, 5]: how sure a box is a person's, 0 where it is something else's, and corners."""
    score, label, corners = decode(raw["pred_logits"].float(), raw["pred_boxes"].float())
    return torch.cat(((score * (label == PERSON))[..., None], corners), -1)
