"""SimpleBaseline: heat maps from a whole ResNet and three transposed convolutions.

Source: Xiao et al., Simple Baselines for Human Pose Estimation and Tracking, arXiv 1804.06208;
github.com/microsoft/human-pose-estimation.pytorch (MIT).
"""

from torch import Tensor, nn

from posebeam.models.networks.resnet import ResNetTrunk

WIDTH = 256  # filters of a deconvolution (section 2)


class SimpleBaseline(ResNetTrunk):
    """SimpleBaseline-R50, -R101 and -R152 (section 2, figure 1). Weights start at torchvision's defaults.

    The publication feeds BGR pictures, normalised by ImageNet's mean and deviation in RGB order as they stand.
    """

    def __init__(self, depth: int = 50, joints: int = 17):
        super().__init__(depth)
        self.deconv_layers = deconvolutions(2048, WIDTH, WIDTH, WIDTH)
        self.final_layer = nn.Conv2d(WIDTH, joints, 1)

    def forward(self, images: Tensor) -> Tensor:
        """images [B, 3, H, W], multiples of 32, to heat maps [B, joints, H/4, W/4]; published at H 256, W 192."""
        features = self.stages(images)[-1]  # [B, 2048, H/32, W/32]
        maps: Tensor = self.final_layer(self.deconv_layers(features))  # through [B, 256, H/4, W/4]
        return maps


def deconvolutions(into: int, *widths: int) -> nn.Sequential:
    """Twice the height and width for each of the widths: kernels of 4, stride 2, batch norm, ReLU (section 2)."""
    parts: list[nn.Module] = []
    for before, after in zip((into, *widths), widths, strict=False):
        parts.append(nn.ConvTranspose2d(before, after, 4, stride=2, padding=1, bias=False))
        parts += [nn.BatchNorm2d(after), nn.ReLU(inplace=True)]
    return nn.Sequential(*parts)
