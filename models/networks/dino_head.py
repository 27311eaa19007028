"""DINO's head: what a trunk made of a crop to many outputs, for pre-training only.

Source: Caron et al., arXiv 2104.14294 (section 3.1 and appendix C); github.com/facebookresearch/dino (Apache-2.0).
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from posebeam.transforms.errors import ConfigError


class DinoHead(nn.Module):
    """Some linear layers with GELU between, length 1, and a last layer whose rows have a length of their own."""

    def __init__(
        self, width: int, out: int = 65536, layers: int = 3, hidden: int = 2048, bottleneck: int = 256,
        norm: bool = False, free_lengths: bool = False,
    ):  # fmt: skip
        """width: of the trunk's output; norm: batch norm behind each hidden layer; free_lengths: rows of the last
        layer learn their lengths, instead of 1. BTranspose has 2 layers, hidden 1,024 and 32,768 outputs.
        """
        super().__init__()
        if layers < 1:
            raise ConfigError(f"{layers} layers: expected 1 or more")
        steps: list[nn.Module] = []
        for _ in range(layers - 1):
            steps += [nn.Linear(width, hidden), *([nn.BatchNorm1d(hidden)] if norm else []), nn.GELU()]
            width = hidden
        steps.append(nn.Linear(width, bottleneck))
        self.mlp = nn.Sequential(*steps) if layers > 1 else steps[0]
        for part in self.modules():
            if isinstance(part, nn.Linear):
                nn.init.trunc_normal_(part.weight, std=0.02)
                nn.init.zeros_(part.bias)
        self.last_layer = Directions(bottleneck, out, free_lengths)

    def forward(self, x: Tensor) -> Tensor:
        """[N, width] to [N, out]."""
        return self.last_layer(F.normalize(self.mlp(x), dim=-1))


class Directions(nn.Module):
    """A linear layer without bias, row r = g_r v_r / |v_r| (Salimans and Kingma, arXiv 1602.07868).

    Own code, because torch's old weight_norm is deprecated and the new one has other names than checkpoints.
    """

    def __init__(self, width: int, out: int, free_lengths: bool):
        super().__init__()
        self.weight_g = nn.Parameter(torch.ones(out, 1), requires_grad=free_lengths)
        self.weight_v = nn.Parameter(nn.Linear(width, out, bias=False).weight.detach())

    def forward(self, x: Tensor) -> Tensor:
        """[N, width] to [N, out]."""
        return F.linear(x, self.weight_g * F.normalize(self.weight_v, dim=1))
