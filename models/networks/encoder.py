"""Encoder: transformer layers over the cells of a feature map; TransPose, BTranspose, DETR and PRTR have one."""

from torch import Tensor, nn
from torch.nn import functional as F


class EncoderLayer(nn.Module):
    """Self-attention and two linear layers, each with a residual and a norm after it (arXiv 1706.03762, fig. 1).

    Positions are added to queries and keys, not to values (arXiv 2005.12872, fig. 10).
    """

    def __init__(self, width: int, heads: int, feedforward: int, dropout: float):
        super().__init__()
        self.self_attn = nn.MultiheadAttention(width, heads, dropout, batch_first=True)
        self.linear1, self.linear2 = nn.Linear(width, feedforward), nn.Linear(feedforward, width)
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, position: Tensor | None = None, outside: Tensor | None = None) -> Tensor:
        """Tokens [B, N, width] to the same.

        position [B or 1, N, width]; outside: bool [B, N], true where a token is padding, to which none attends.
        """
        where = x if position is None else x + position
        seen, _ = self.self_attn(where, where, x, key_padding_mask=outside, need_weights=False)
        x = self.norm1(x + self.dropout(seen))
        y = self.linear2(self.dropout(F.relu(self.linear1(x))))
        out: Tensor = self.norm2(x + self.dropout(y))
        return out


class Encoder(nn.Module):
    """Layers one after the other, without a norm at the end."""

    def __init__(
        self, layers: int, width: int, heads: int, feedforward: int, dropout: float, first_only: bool = False
    ):
        """first_only: only the first layer is told the positions (BTranspose); otherwise every layer is."""
        super().__init__()
        self.layers = nn.ModuleList(EncoderLayer(width, heads, feedforward, dropout) for _ in range(layers))
        self._first_only = first_only

    def forward(self, x: Tensor, position: Tensor, outside: Tensor | None = None) -> Tensor:
        """Tokens [B, N, width], with position and outside as in EncoderLayer, to the same."""
        for index, layer in enumerate(self.layers):
            x = layer(x, None if self._first_only and index else position, outside)
        return x

    def over_map(self, x: Tensor, position: Tensor) -> Tensor:
        """A map [B, width, h, w], its cells as tokens row by row, position [1, hw, width], to a map again."""
        tokens: Tensor = self(x.flatten(2).transpose(1, 2), position)
        return tokens.transpose(1, 2).unflatten(2, x.shape[2:])
