"""MHSA: the self-attention over a map's cells that stands where a bottleneck has its 3 x 3 convolution."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from posebeam.transforms.errors import ConfigError

POSITIONS = ("factored", "relative")


class MHSA(nn.Module):
    """All cells of a map to all others, with positions of its own and no projection at the end.

    With q, k, v [dh] a cell and head, softmax over j of an energy says how much of v_j goes to i. The energy is,
    by `position`,

    - factored, as BTranspose was published (arXiv 2204.10209; its repository): q_i k_j + r_i q_j, unscaled, where
      r_i = rel_h[column of i] + rel_w[row of i] is a place's own (its names are crossed), a table a head;
    - relative, as in BoTNet (arXiv 2101.11605, figure 4): dh^-1/2 (q_i k_j + q_i r_ji), where r_ji =
      rel_h[rows from i to j] + rel_w[columns from i to j], one table for all heads. No biases there.
    """

    def __init__(
        self, width: int, heads: int, size: tuple[int, int], position: str = "factored", interpolate: bool = False
    ):
        """size: rows and columns of the map; interpolate: whether maps of other sizes may come (see stretch)."""
        super().__init__()
        if width % heads:
            raise ConfigError(f"attention of width {width} with {heads} heads, expected heads that divide it")
        if position not in POSITIONS:
            raise ConfigError(f"position {position!r}, expected one of {POSITIONS}")
        self.heads, self.size, self.position, self.interpolate = heads, size, position, interpolate
        (rows, columns), head = size, width // heads
        factored = position == "factored"
        if factored:
            self.rel_h = nn.Parameter(torch.randn(1, heads, head, 1, columns))
            self.rel_w = nn.Parameter(torch.randn(1, heads, head, rows, 1))
        else:
            self.rel_h = nn.Parameter(torch.randn(2 * rows - 1, head) * head**-0.5)
            self.rel_w = nn.Parameter(torch.randn(2 * columns - 1, head) * head**-0.5)
        self.query, self.key, self.value = (nn.Conv2d(width, width, 1, bias=factored) for _ in range(3))
        self.scale = 1.0 if factored else head**-0.5

    def forward(
        self, x: Tensor, need_weights: bool = False, average_attn_weights: bool = True
    ) -> tuple[Tensor, Tensor | None]:
        """x [B, width, h, w] to the same shape, and None or, with need_weights, the map of attention.

        That is [B, heads, hw, hw], queries by keys, cells row by row, or its mean over heads [B, hw, hw], as
        nn.MultiheadAttention names it. Without it nothing of that size but the energies' position part is made.
        """
        size = (x.shape[2], x.shape[3])
        if size != tuple(self.size) and not self.interpolate:
            raise ConfigError(
                f"a map of {size} cells, but the positions are made for {self.size}; see interpolate"
            )
        q, k, v = (self._heads(part(x)) for part in (self.query, self.key, self.value))  # [B, heads, hw, dh]
        place = self._factored(q, size) if self.position == "factored" else self._relative(q, size)
        if need_weights:
            weights = (self.scale * q @ k.transpose(2, 3) + place).softmax(-1)
            seen = weights @ v
        else:
            weights = None
            seen = F.scaled_dot_product_attention(q, k, v, attn_mask=place, scale=self.scale)
        out = seen.transpose(2, 3).reshape(x.shape)
        return out, weights.mean(1) if weights is not None and average_attn_weights else weights

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> "MHSA":
        """What Module.to does to each tensor. channels_last knows four axes; the published tables have five."""
        return super()._apply(lambda t: fn(t[0])[None] if t.dim() == 5 else fn(t), recurse)

    def _heads(self, x: Tensor) -> Tensor:
        """[B, width, h, w] to [B, heads, hw, dh]; contiguous, or the fused attention is not taken."""
        return x.unflatten(1, (self.heads, -1)).flatten(3).transpose(2, 3).contiguous()

    def _factored(self, q: Tensor, size: tuple[int, int]) -> Tensor:
        """r_i q_j [B, heads, hw (i), hw (j)] of q [B, heads, hw, dh]."""
        places = stretch((self.rel_h + self.rel_w)[0], size).flatten(2).transpose(1, 2)  # [heads, hw, dh]
        return places @ q.transpose(2, 3)

    def _relative(self, q: Tensor, size: tuple[int, int]) -> Tensor:
        """dh^-1/2 q_i r_ji [B, heads, hw (i), hw (j)] of q [B, heads, hw, dh]."""
        grid = (self.scale * q).unflatten(2, size)  # [B, heads, h, w, dh]
        down = torch.einsum("bnhwd,hjd->bnhwj", grid, distances(self.rel_h, size[0]))  # [B, heads, h, w, h]
        along = torch.einsum("bnhwd,wjd->bnhwj", grid, distances(self.rel_w, size[1]))  # [B, heads, h, w, w]
        return (down[..., :, None] + along[..., None, :]).flatten(4).flatten(2, 3)


def distances(table: Tensor, count: int) -> Tensor:
    """Table [2n - 1, dh] of steps -(n-1)..n-1 to [count, count, dh]: row i, column j has the step from i to j."""
    length = 2 * count - 1
    table = stretch(table.T[None, :, :, None], (length, 1))[0, :, :, 0].T  # as it is where n is count
    here = torch.arange(count, device=table.device)
    return table[here - here[:, None] + count - 1]


def stretch(table: Tensor, size: tuple[int, int]) -> Tensor:
    """A table of positions [N, C, h, w] to [N, C, *size], bicubic, as DINO does (arXiv 2104.14294).

    The whole picture keeps the whole table: a smaller one has the same range of positions in larger steps.
    At its own size a table stays as it is.
    """
    if tuple(table.shape[2:]) == tuple(size):
        return table
    return F.interpolate(table, size, mode="bicubic", align_corners=False)
