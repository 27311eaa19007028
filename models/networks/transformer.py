"""Transformer: DETR's encoder and decoder, of which PRTR makes its stages too."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from posebeam.models.networks.encoder import Encoder
from posebeam.models.networks.sine import sine


class Transformer(nn.Module):
    """Image tokens and learnt queries to an embedding a query and decoder layer (arXiv 2005.12872, fig. 10)."""

    def __init__(
        self, width: int = 256, heads: int = 8, layers: int = 6, feedforward: int = 2048, dropout: float = 0.1
    ):
        super().__init__()
        self.width = width
        self.encoder = Encoder(layers, width, heads, feedforward, dropout)
        self.decoder = Decoder(layers, width, heads, feedforward, dropout)
        for parameter in self.parameters():
            if parameter.ndim > 1:
                nn.init.xavier_uniform_(parameter)

    def forward(self, x: Tensor, position: Tensor, queries: Tensor, outside: Tensor | None = None) -> Tensor:
        """Tokens [B, N, width] and queries [Q, width] to embeddings [layers, B, Q, width], the last layer's last.

        position [B or 1, N, width]; outside: bool [B, N], true where a token is padding.
        """
        memory = self.encoder(x, position, outside)
        out: Tensor = self.decoder(memory, position, queries.expand(x.shape[0], -1, -1), outside)
        return out

    def over_map(self, x: Tensor, queries: Tensor, outside: Tensor | None = None) -> Tensor:
        """A map [B, width, h, w] and queries [Q, width] as forward does, each cell knowing its sine position.

        outside: bool [B, H, W], true where a pixel of the image is padding; a cell is what its first pixel is.
        """
        size = x.shape[-2:]
        if outside is None:
            inside, tokens_outside = torch.ones((1, *size), dtype=torch.bool, device=x.device), None
        else:
            inside = F.interpolate(outside[:, None].float(), size)[:, 0] == 0  # [B, h, w]
            tokens_outside = ~inside.flatten(1)
        position = sine(inside, self.width).flatten(1, 2).to(x.dtype)
        out: Tensor = self(x.flatten(2).transpose(1, 2), position, queries, tokens_outside)
        return out


class Decoder(nn.Module):
    """Layers that start from nothing but the queries; each one's output passes through the one norm."""

    def __init__(self, layers: int, width: int, heads: int, feedforward: int, dropout: float):
        super().__init__()
        self.layers = nn.ModuleList(DecoderLayer(width, heads, feedforward, dropout) for _ in range(layers))
        self.norm = nn.LayerNorm(width)

    def forward(self, memory: Tensor, position: Tensor, queries: Tensor, outside: Tensor | None = None) -> Tensor:
        """Memory [B, N, width] and queries [B, Q, width] to [layers, B, Q, width]."""
        x, found = torch.zeros_like(queries), []
        where = memory + position  # the same keys for every layer
        for layer in self.layers:
            x = layer(x, queries, memory, where, outside)
            found.append(self.norm(x))
        return torch.stack(found)


class DecoderLayer(nn.Module):
    """Attention among queries, attention to the image, two linear layers; residual and norm after each."""

    def __init__(self, width: int, heads: int, feedforward: int, dropout: float):
        super().__init__()
        self.self_attn = nn.MultiheadAttention(width, heads, dropout, batch_first=True)
        self.multihead_attn = nn.MultiheadAttention(width, heads, dropout, batch_first=True)
        self.linear1, self.linear2 = nn.Linear(width, feedforward), nn.Linear(feedforward, width)
        self.norm1, self.norm2, self.norm3 = nn.LayerNorm(width), nn.LayerNorm(width), nn.LayerNorm(width)
        self.dropout = nn.Dropout(dropout)

    def forward(
        self, x: Tensor, queries: Tensor, memory: Tensor, where: Tensor, outside: Tensor | None = None
    ) -> Tensor:
        """x [B, Q, width] to the same; where [B, N, width] is memory with its positions added."""
        asking = x + queries
        seen, _ = self.self_attn(asking, asking, x, need_weights=False)
        x = self.norm1(x + self.dropout(seen))
        seen, _ = self.multihead_attn(x + queries, where, memory, key_padding_mask=outside, need_weights=False)
        x = self.norm2(x + self.dropout(seen))
        y = self.linear2(self.dropout(F.relu(self.linear1(x))))
        out: Tensor = self.norm3(x + self.dropout(y))
        return out
