"""The hybrid classifier: features of a clip's frames to actions, by one layer of a transformer and a maximum.

Source: S. Paul, Video Classification with Transformers, keras.io/examples/vision/video_transformers (2021,
Apache-2.0), which the published notebook follows.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from posebeam.models.clip_features import LENGTH
from posebeam.transforms.errors import ConfigError

FEATURES = 1024  # of a frame, by DenseNet121
FEEDFORWARD = 4
# How frames that are padding, 0 in every feature, are kept out.
MASKS = {
    "clip": "of attention and of the maximum: a clip gives the same with and without padding",
    "published": "as keras 2.10 to 2.15 do it: out of attention's keys, but padded frames themselves see the mean "
    "of all, and take part in the maximum",
    "keys": "as keras before 2.10 did it: out of attention's keys only",
    "none": "not at all",
}


class Hybrid(nn.Module):
    """[B, length, features] to logits [B, classes]. Frames of zeros are padding, wherever they stand.

    mask: one of MASKS; the published ones let padding take part in the maximum. A clip of padding
    alone has a maximum over all its frames. Weights start as in Keras.
    """

    def __init__(self, classes: int, length: int = LENGTH, features: int = FEATURES, mask: str = "clip"):
        super().__init__()
        if mask not in MASKS:
            raise ConfigError(f"mask {mask!r}: expected one of {', '.join(MASKS)}")
        if classes < 2 or length < 1:
            raise ConfigError(f"hybrid: got {classes} classes and {length} frames, expected at least 2 and 1")
        self.mask = mask
        self.position = nn.Parameter(torch.empty(length, features).uniform_(-0.05, 0.05))
        self.attention = FrameAttention(features)
        self.ff1, self.ff2 = nn.Linear(features, FEEDFORWARD), nn.Linear(FEEDFORWARD, features)
        self.norm1, self.norm2 = (nn.LayerNorm(features, eps=1e-3) for _ in range(2))
        self.dropout = nn.Dropout(0.5)
        self.classifier = nn.Linear(features, classes)
        for part in (self.ff1, self.ff2, self.classifier):
            nn.init.xavier_uniform_(part.weight)
            nn.init.zeros_(part.bias)

    def forward(self, x: Tensor) -> Tensor:
        """x [B, length, features] to logits [B, classes]; their softmax are the published outputs."""
        if x.shape[1:] != self.position.shape:
            raise ConfigError(f"clips {list(x.shape)}: expected [B, {', '.join(map(str, self.position.shape))}]")
        real = (x != 0).any(-1)  # [B, length]
        encoded = self.encoded(x, real)
        if self.mask == "clip":
            kept = real | ~real.any(1, keepdim=True)
            encoded = encoded.masked_fill(~kept[..., None], -torch.inf)
        return self.classifier(self.dropout(encoded.amax(1)))

    def encoded(self, x: Tensor, real: Tensor) -> Tensor:
        """x [B, length, features] and which frames are real, bool [B, length], to the encoder's output, like x."""
        x = x + self.position
        taken, _ = self.attention(x, self._seen(real), need_weights=False)
        x = self.norm1(x + taken)
        return self.norm2(x + self.ff2(F.gelu(self.ff1(x))))

    def _seen(self, real: Tensor) -> Tensor | None:
        """bool [B, 1 or length, length]: which frames (last axis) a frame attends to, from which are real."""
        if self.mask == "none":
            return None
        return real[:, None] & real[..., None] if self.mask == "published" else real[:, None]


class FrameAttention(nn.Module):
    """Self-attention with one head as wide as its input; dropout 0.3 on the attention itself."""

    def __init__(self, width: int):
        super().__init__()
        self.query, self.key, self.value, self.output = (nn.Linear(width, width) for _ in range(4))
        # Keras sees kernels [width, heads, head] as convolutions: fan in width x 1, fan out width x width.
        narrow = (6 / (width + width**2)) ** 0.5
        for part in (self.query, self.key, self.value):
            nn.init.uniform_(part.weight, -narrow, narrow)
        nn.init.xavier_uniform_(self.output.weight)
        for part in (self.query, self.key, self.value, self.output):
            nn.init.zeros_(part.bias)
        self.dropout = nn.Dropout(0.3)

    def forward(
        self, x: Tensor, seen: Tensor | None, need_weights: bool = False, average_attn_weights: bool = True
    ) -> tuple[Tensor, Tensor | None]:
        """x [B, N, width] to the same; seen, bool [B, 1 or N, N]: the keys that a query attends to.

        A query without any attends to all of them evenly, as in Keras. The second is None or, with need_weights,
        the map of attention [B, 1, N, N], queries by keys, or its mean over the one head [B, N, N], as
        nn.MultiheadAttention names it.
        """
        scores = self.query(x) @ self.key(x).transpose(1, 2) * x.shape[-1] ** -0.5  # [B, N, N]
        if seen is not None:
            scores = scores.masked_fill(~seen, torch.finfo(scores.dtype).min)
        weights = scores.softmax(-1)
        out = self.output(self.dropout(weights) @ self.value(x))
        return out, (weights if average_attn_weights else weights[:, None]) if need_weights else None
