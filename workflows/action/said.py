"""Said: a network and what posebeam predict makes of its logits."""

import numpy as np
import torch
from torch import Tensor, nn

from posebeam.models.networks.act import FEATURES
from posebeam.transforms.layout import CHANNELS


class Said(nn.Module):
    """What posebeam predict says of windows [B, T, 52] or features [B, 20, F]: logits [B, classes] and
    probabilities [B, classes].

    sides is the layout's mirror [13] where the run's probabilities are means over a window and its image
    (see transforms.augment.mirror), else None.
    """

    order: Tensor
    signs: Tensor

    def __init__(self, network: nn.Module, sides: tuple[int, ...] | None):
        super().__init__()
        self.network = network
        self.sides = sides
        features = np.arange(FEATURES).reshape(-1, CHANNELS)[list(sides or ())].ravel()
        self.register_buffer("order", torch.from_numpy(features), persistent=False)
        self.register_buffer("signs", torch.tensor([-1.0, 1.0]).repeat(FEATURES // 2), persistent=False)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """windows [B, T, 52] to (logits, probabilities)."""
        logits = self.network(x)
        direct = logits.softmax(-1)
        if self.sides is None:
            return logits, direct
        images = (x * self.signs).index_select(-1, self.order)
        return logits, (direct + self.network(images).softmax(-1)) * 0.5
