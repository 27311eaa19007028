"""Pixels: the numbers that networks trained on ImageNet take for a picture."""

import torch
from torch import Tensor

# Of red, green and blue in 0..1; what was trained on BGR takes the same numbers for its channels in that order.
# Source: torchvision, github.com/pytorch/vision, references/classification.
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def normalised(images: Tensor, colour: str) -> Tensor:
    """Pictures RGB [B, 3, H, W], 0..255, which are written over, to a network's in the order `colour`."""
    if colour == "bgr":
        images = images.flip(1)
    mean, deviation = (torch.tensor(each, device=images.device)[:, None, None] for each in (MEAN, DEVIATION))
    return images.div_(255).sub_(mean).div_(deviation)
