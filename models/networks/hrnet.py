"""HRNet: heat maps from the finest branch of a trunk that keeps high resolution throughout; and its features."""

from itertools import pairwise

from torch import Tensor, nn
from torchvision.models.resnet import Bottleneck

from posebeam.models.networks.hrnet_trunk import HighResolutionTrunk, bottlenecks, convolution

FEATURES = 2048
HEAD = (32, 64, 128, 256)  # of the classification trunk's bottlenecks, finest branch first; they give 4 times that


class HRNet(HighResolutionTrunk):
    """HRNet-W32 and -W48 for human pose (Figure 1; widths in section 3, "Instantiation").

    Images are RGB, normalised by ImageNet's mean and deviation. Weights start at torch's defaults.
    Source: arXiv 1902.09212; github.com/leoxiaobin/deep-high-resolution-net.pytorch (MIT).
    """

    def __init__(self, width: int = 32, joints: int = 17):
        super().__init__(width, stages=4)
        self.final_layer = nn.Conv2d(width, joints, 1)

    def forward(self, images: Tensor) -> Tensor:
        """images [B, 3, H, W] to heat maps [B, joints, H / 4, W / 4]; published at H 256, W 192."""
        finest = self.high_resolution(images)  # [B, C, H / 4, W / 4]
        maps: Tensor = self.final_layer(finest)
        return maps


class HRNetFeatures(HighResolutionTrunk):
    """HRNet's classification trunk: all four branches gathered into the coarsest resolution, 2048 channels.

    The backbone of PRTR-HRNet-W32, there `backbone.0.body`; its norms are trained as all others, not frozen.
    Source: Wang et al., arXiv 1908.07919, appendix on pretraining; github.com/mlpc-ucsd/PRTR (Apache-2.0).
    """

    channels = FEATURES

    def __init__(self, width: int = 32):
        super().__init__(width, stages=4, every_scale=True)
        out = [head * Bottleneck.expansion for head in HEAD]  # 128, 256, 512, 1024
        self.incre_modules = nn.ModuleList(bottlenecks(width << i, head, 1) for i, head in enumerate(HEAD))
        self.downsamp_modules = nn.ModuleList(
            nn.Sequential(*convolution(fine, coarse, stride=2, bias=True), nn.ReLU(inplace=True))
            for fine, coarse in pairwise(out)
        )
        self.final_layer = nn.Sequential(
            nn.Conv2d(out[-1], FEATURES, 1), nn.BatchNorm2d(FEATURES), nn.ReLU(inplace=True)
        )

    def forward(self, images: Tensor) -> Tensor:
        """images [B, 3, H, W] to features [B, 2048, H / 32, W / 32]; published at 384 x 288 and 512 x 384."""
        first, *coarser = (
            incre(x) for incre, x in zip(self.incre_modules, self.branches(images), strict=True)
        )  # branch i: [B, 128 * 2^i, H / 2^(2 + i), W / 2^(2 + i)]
        for down, x in zip(self.downsamp_modules, coarser, strict=True):
            first = down(first) + x
        features: Tensor = self.final_layer(first)
        return features
