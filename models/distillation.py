"""Distillation without labels: what DINO's student and teacher do besides their loss.

Source: Caron et al., arXiv 2104.14294 (algorithm 1); github.com/facebookresearch/dino (Apache-2.0).
"""

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any

import torch
from torch import Tensor, nn

from posebeam.transforms.errors import ConfigError

CLIP = 3.0  # the longest gradient of one tensor


class Learner(nn.Module):
    """A trunk and a head: crops of several sizes to outputs. Student and teacher are one each."""

    def __init__(self, backbone: nn.Module, head: nn.Module):
        """backbone: [N, 3, h, w] to [N, width]; head: that to [N, out]."""
        super().__init__()
        self.backbone, self.head = backbone, head

    def forward(self, crops: Sequence[Tensor]) -> Tensor:
        """Crops [B, 3, h, w] each, equal sizes side by side, to [crops x B, out], crop by crop.

        The trunk is run once a size, so its batch norms see a batch a size; the head sees all crops at once.
        """
        sizes = groupby(crops, key=lambda crop: crop.shape[-2:])
        return self.head(torch.cat([self.backbone(torch.cat(list(equal))) for _, equal in sizes]))


@torch.no_grad()
def follow(teacher: nn.Module, student: nn.Module, momentum: float) -> None:
    """Moves the teacher's parameters to momentum x its own + the rest of the student's.

    Parameters only: running statistics of batch norms are the teacher's own, from what it sees.
    """
    for own, other in zip(teacher.parameters(), student.parameters(), strict=True):
        own.mul_(momentum).add_(other.detach(), alpha=1 - momentum)


def parameter_groups(network: nn.Module) -> list[dict[str, Any]]:
    """Trainable parameters for an optimiser: those of two axes or more, which decay, and the others."""
    trained = [parameter for parameter in network.parameters() if parameter.requires_grad]
    decayed = [parameter for parameter in trained if parameter.dim() > 1]
    return [{"params": decayed}, {"params": [p for p in trained if p.dim() < 2], "weight_decay": 0.0}]


@torch.no_grad()
def clip_each(parameters: Iterable[Tensor], longest: float = CLIP) -> list[float]:
    """Shortens each tensor's gradient, for itself, to `longest`; the norms from before, of those that have one.

    Unlike torch's clip_grad_norm_, which knows one norm of all tensors.
    """
    if longest <= 0:
        raise ConfigError(f"gradients of norm {longest} at most: expected more than 0")
    gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
    if not gradients:
        return []
    norms = torch.stack(torch._foreach_norm(gradients))  # one wait for the device, not one a tensor
    torch._foreach_mul_(gradients, list((longest / (norms + 1e-6)).clamp(max=1).unbind()))
    return norms.tolist()


def freeze(layer: nn.Module) -> None:
    """Drops a layer's gradients: an optimiser then leaves it as it is, decay included. After clipping.

    DINO does this to the head's last layer in the first epoch.
    """
    for parameter in layer.parameters():
        parameter.grad = None
