"""MoveNet without its pyramid and heads: a frame to what its trunk, learnt on people, makes of it."""

from torch import Tensor, nn

from posebeam.models.networks.movenet import PIXEL_SCALE, MoveNet


class MoveNetFeatures(nn.Module):
    """A MoveNet's MobileNetV2 up to the mean over cells of its last layer, 1280 features at every width."""

    def __init__(self, network: MoveNet):
        super().__init__()
        self.stem, self.blocks, self.last = network.stem, network.blocks, network.last

    def forward(self, images: Tensor) -> Tensor:
        """RGB 0..255, float [B, 3, H, W] with H and W multiples of 32, to features [B, 1280], 0 to 6."""
        x = self.stem(images * PIXEL_SCALE - 1)
        for block in self.blocks:
            x = block(x)
        pooled: Tensor = self.last(x).mean((2, 3))
        return pooled
