"""Faster R-CNN's decoder: the boxes of people."""

from collections.abc import Mapping

import torch
from torch import Tensor

from posebeam.models.decoders.detr import PERSON


def persons(raw: Mapping[str, Tensor]) -> Tensor:
    """Scores [B, Q], labels [B, Q] and boxes [B, Q, 4] to [B, Q, 5]: how sure a box is a person's, and corners.

    0 where it is something else's.
    """
    sure = raw["scores"].float() * (raw["labels"] == PERSON)
    return torch.cat((sure[..., None], raw["boxes"].float()), -1)
