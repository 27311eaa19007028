"""PooledTrunk: a pose network without its head, and one vector for a picture: what DINO pre-trains."""

import torch
from torch import Tensor, nn

from posebeam.models.networks.btranspose import WIDTH, BTransposeTrunk
from posebeam.models.row import Row
from posebeam.transforms.errors import ConfigError

POOLS = ("mean", "flattened")
PART = "model_alpha"  # what BTranspose calls its trunk
_NETWORK = "networks.btranspose:BTranspose"
_DEVIATION = 0.001  # of the convolutions' weights at the start


class PooledTrunk(nn.Module):
    """The trunk of a row of the BTranspose family, freshly started, and what is made of its cells.

    pool   mean, over all cells: the vector says what is in a picture wherever it is, and crops of any size give
           one; or flattened, all cells side by side, as in github.com/kaushikb258/BTranspose, for crops of the
           row's input only: of 256 x 192 pixels 196,608 numbers, and a head of 200 million parameters on them.

    Positions are stretched to crops of other sizes than the row's input.
    """

    def __init__(self, row: Row, pool: str = "mean"):
        super().__init__()
        if row.network != _NETWORK:
            raise ConfigError(f"{row.name} is not pre-trained here: only backbones of the btranspose family are")
        if pool not in POOLS:
            raise ConfigError(f"pool {pool!r}, expected one of {', '.join(POOLS)}")
        numbers = {name: value for name, value in row.arguments.items() if name not in ("joints", "image")}
        self.trunk = BTransposeTrunk(**numbers, image=row.input, interpolate=True)
        self.pool = pool
        self.width = WIDTH if pool == "mean" else WIDTH * self.trunk.size[0] * self.trunk.size[1]
        self._start()

    def forward(self, images: Tensor) -> Tensor:
        """Crops [B, 3, h, w], as the row's network takes them, over maps [B, 256, h/8, w/8], to [B, width]."""
        maps: Tensor = self.trunk(images)
        if self.pool == "mean":
            return maps.mean((2, 3))
        if tuple(maps.shape[2:]) != tuple(self.trunk.size):
            raise ConfigError(
                f"crops of {tuple(images.shape[2:])} pixels cannot be flattened: one size has one width; "
                "pool them by their mean"
            )
        return maps.flatten(1)

    @torch.no_grad()
    def _start(self) -> None:
        """Weights of convolutions as the publication starts them; everything else as torch does."""
        for part in self.trunk.modules():
            if isinstance(part, nn.Conv2d):
                nn.init.normal_(part.weight, std=_DEVIATION)


def whole_names(trunk: nn.Module) -> nn.Module:
    """The trunk in a module in which its tensors have the names that they have in the whole network."""
    return nn.ModuleDict({PART: trunk})
