"""PRTR, two stages: the joints of one person in a crop, found by learnt queries that attend to it.

Source: Li et al., Pose Recognition with Cascade Transformers, arXiv 2104.06976 (figure 3, left, and section 3.2);
github.com/mlpc-ucsd/PRTR, two_stage (Apache-2.0).
"""

from collections.abc import Callable
from functools import partial
from typing import Any

from torch import Tensor, nn

from posebeam.models.networks.detr import FEATURES, MLP, FixedResNet, outputs
from posebeam.models.networks.hrnet import HRNetFeatures
from posebeam.models.networks.transformer import Transformer
from posebeam.transforms.errors import ConfigError


class PRTR(nn.Module):
    """The second stage of PRTR-R50, -R101 and -HRNet-W32: DETR, but for joints.

    Images are normalised by ImageNet's mean and deviation, BGR where the trunk is a ResNet and RGB where it is
    HRNet. The last class is no joint.
    """

    def __init__(
        self,
        trunk: str = "resnet50",
        joints: int = 17,
        queries: int = 100,
        layers: int = 6,
        width: int = 256,
        heads: int = 8,
        feedforward: int = 2048,
        dropout: float = 0.0,
        auxiliary: bool = False,
    ):
        """auxiliary: forward says what every decoder layer makes of the picture, not the last alone; a training
        may turn it on and off.
        """
        super().__init__()
        if trunk not in TRUNKS:
            raise ConfigError(f"PRTR on {trunk!r}, expected one of {', '.join(TRUNKS)}")
        self.backbone = nn.Sequential(TRUNKS[trunk]())
        self.input_proj = nn.Conv2d(FEATURES, width, 1)
        self.query_embed = nn.Embedding(queries, width)
        self.transformer = Transformer(width, heads, layers, feedforward, dropout)
        self.class_embed = nn.Linear(width, joints + 1)
        self.kpt_embed = MLP(width, 2)
        self.auxiliary = auxiliary

    def forward(self, images: Tensor) -> dict[str, Any]:
        """images [B, 3, H, W] to pred_logits [B, queries, joints + 1], pred_coords [B, queries, 2]: x, y, 0 to 1.

        Coordinates are parts of the crop's width and height. With auxiliary also aux_outputs: the same two of
        each earlier layer, the first layer's first.
        """
        features = self.input_proj(self.backbone(images)[-1])  # [B, width, H / 32, W / 32]
        found = self.transformer.over_map(features, self.query_embed.weight)  # [layers, B, queries, width]
        return outputs(found, self.auxiliary, pred_logits=self.class_embed, pred_coords=self.kpt_embed)


class HRNetBackbone(nn.Module):
    """HRNet-W32's classification trunk, all of it trained."""

    def __init__(self) -> None:
        super().__init__()
        self.body = HRNetFeatures(32)

    def forward(self, images: Tensor) -> list[Tensor]:
        """[B, 3, H, W] to the one map [B, 2048, H / 32, W / 32]."""
        return [self.body(images)]


TRUNKS: dict[str, Callable[[], nn.Module]] = {
    "resnet50": partial(FixedResNet, 50),
    "resnet101": partial(FixedResNet, 101),
    "hrnet-w32": HRNetBackbone,
}
