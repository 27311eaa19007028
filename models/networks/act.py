"""AcT: the Action Transformer, windows of pose features to logits."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from posebeam.transforms.errors import ConfigError

FEATURES = 52  # 13 joints x (x, y, vx, vy)
LENGTH = 30  # frames


@dataclass(frozen=True)
class ActSize:
    """One published size; every head is 64 wide, the feed-forward part 4 times as wide as the layer."""

    heads: int
    layers: int
    dropout: float
    mlp: int

    @property
    def width(self) -> int:
        """d_model."""
        return 64 * self.heads


SIZES: Mapping[str, ActSize] = MappingProxyType(
    {
        "micro": ActSize(heads=1, layers=4, dropout=0.3, mlp=256),
        "small": ActSize(heads=2, layers=5, dropout=0.3, mlp=256),
        "base": ActSize(heads=3, layers=6, dropout=0.3, mlp=256),
        "large": ActSize(heads=4, layers=6, dropout=0.4, mlp=512),
    }
)


class Attention(nn.Module):
    """Scaled dot products between frames, a head 64 wide; no weights of its own."""

    def __init__(self, heads: int):
        super().__init__()
        self.heads = heads

    def forward(
        self, q: Tensor, k: Tensor, v: Tensor, need_weights: bool = False, average_attn_weights: bool = True
    ) -> tuple[Tensor, Tensor | None]:
        """q, k, v [B, N, d] to [B, N, d], and None or, with need_weights, the map of attention.

        That is [B, heads, N, N], queries by keys, or its mean over heads [B, N, N], as nn.MultiheadAttention names
        it.
        """
        q, k, v = (part.unflatten(2, (self.heads, -1)).transpose(1, 2) for part in (q, k, v))  # [B, heads, N, 64]
        if need_weights:
            weights = (q @ k.transpose(2, 3) / q.shape[3] ** 0.5).softmax(-1)
            seen = weights @ v
        else:
            weights = None
            seen = F.scaled_dot_product_attention(q, k, v)
        return seen.transpose(1, 2).flatten(2), (
            weights.mean(1) if weights is not None and average_attn_weights else weights
        )


class EncoderLayer(nn.Module):
    """Post-norm self-attention and feed-forward: [B, N, d] to [B, N, d]. Attention itself has no dropout."""

    def __init__(self, width: int, heads: int, dropout: float):
        super().__init__()
        self.q, self.k, self.v, self.o = (nn.Linear(width, width) for _ in range(4))
        self.attention = Attention(heads)
        self.ff1 = nn.Linear(width, 4 * width)
        self.ff2 = nn.Linear(4 * width, width)
        self.norm1 = nn.LayerNorm(width, eps=1e-6)
        self.norm2 = nn.LayerNorm(width, eps=1e-6)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """x [B, N, d] to the same shape."""
        seen, _ = self.attention(self.q(x), self.k(x), self.v(x), need_weights=False)
        x = self.norm1(x + self.dropout(self.o(seen)))
        return self.norm2(x + self.dropout(self.ff2(F.gelu(self.ff1(x)))))


class AcT(nn.Module):
    """[B, length, features] to logits [B, classes]: a class token in front, learnt positions, encoder layers,
    and two linear layers on what became of the token.

    Source: Mazzia et al., Action Transformer, Pattern Recognition 124 (2022), arXiv 2107.00606;
    github.com/PIC4SeR/AcT. Weights start as there.
    """

    def __init__(self, size: ActSize, classes: int, length: int = LENGTH, features: int = FEATURES):
        super().__init__()
        d = size.width
        self.embed = nn.Linear(features, d)
        self.class_token = nn.Parameter(torch.empty(1, 1, d))
        self.position = nn.Parameter(torch.empty(1 + length, d))
        self.layers = nn.ModuleList(EncoderLayer(d, size.heads, size.dropout) for _ in range(size.layers))
        self.head1 = nn.Linear(d, size.mlp)
        self.head2 = nn.Linear(size.mlp, classes)
        self._start()

    def _start(self) -> None:
        """Keras' defaults: Glorot uniform, biases 0; embeddings uniform; He normal for a token of fan-in 1."""
        for part in self.modules():
            if isinstance(part, nn.Linear):
                nn.init.xavier_uniform_(part.weight)
                nn.init.zeros_(part.bias)
        nn.init.uniform_(self.position, -0.05, 0.05)
        # A normal cut at 2 deviations is narrower by 0.87962566: Keras widens it to have the deviation asked for.
        std = 2**0.5 / 0.87962566103423978
        nn.init.trunc_normal_(self.class_token, std=std, a=-2 * std, b=2 * std)

    def forward(self, x: Tensor) -> Tensor:
        """x [B, length, features] to logits [B, classes]."""
        tokens = torch.cat([self.class_token.expand(x.shape[0], -1, -1), self.embed(x)], dim=1)
        tokens = tokens + self.position
        for layer in self.layers:
            tokens = layer(tokens)
        return self.head2(self.head1(tokens[:, 0]))


def build_act(name: str, classes: int, length: int = LENGTH) -> AcT:
    """AcT by the name of its size (micro, small, base, large), with fresh weights from torch's generator."""
    if name not in SIZES:
        raise ConfigError(f"no AcT {name!r}; known: {', '.join(SIZES)}")
    if classes < 2 or length < 1:
        raise ConfigError(f"AcT: got {classes} classes and {length} frames, expected at least 2 and 1")
    return AcT(SIZES[name], classes, length)
