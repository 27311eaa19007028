"""TransPose: heat maps from a transformer encoder over the cells of a shortened ResNet-50 or HRNet.

Source: Yang et al., TransPose: Keypoint Localization via Transformer, arXiv 2012.14214, figure 2 and table 1;
github.com/yangsenius/TransPose (MIT). Pictures are RGB, normalised by ImageNet's mean and deviation.
"""

from torch import Tensor, nn

from posebeam.models.networks.encoder import Encoder
from posebeam.models.networks.hrnet_trunk import HighResolutionTrunk
from posebeam.models.networks.resnet import ResNetTrunk
from posebeam.models.networks.simple_baseline import deconvolutions
from posebeam.models.networks.sine import sine_table
from posebeam.transforms.errors import ConfigError

DROPOUT = 0.1
STRIDE_R, STRIDE_H = 8, 4  # pixels a cell


class TransPoseR(ResNetTrunk):
    """TransPose-R: ResNet-50 to its second stage, 3 (A3) or 4 (A4) layers over stride 8, one deconvolution.

    `image` is (height, width) of its pictures: the sine positions, which checkpoints hold too, are made for it.
    """

    def __init__(
        self, layers: int = 4, width: int = 256, heads: int = 8, feedforward: int = 1024, joints: int = 17,
        image: tuple[int, int] = (256, 192),
    ):  # fmt: skip
        super().__init__(50, stages=2)
        self.cells = cells(image, STRIDE_R)
        self.pos_embedding = positions(self.cells, width)
        self.reduce = nn.Conv2d(512, width, 1, bias=False)
        self.global_encoder = Encoder(layers, width, heads, feedforward, DROPOUT)
        self.deconv_layers = deconvolutions(width, width)
        self.final_layer = nn.Conv2d(width, joints, 1)

    def forward(self, images: Tensor) -> Tensor:
        """images [B, 3, H, W] of the size `image` to heat maps [B, joints, H/4, W/4].

        Between: features [B, 512, H/8, W/8], reduced [B, width, H/8, W/8], tokens [B, HW/64, width].
        """
        x = self.reduce(self.stages(images)[-1])
        check_cells(x, self.cells, STRIDE_R)
        x = self.global_encoder.over_map(x, self.pos_embedding.transpose(0, 1))
        maps: Tensor = self.final_layer(self.deconv_layers(x))
        return maps


class TransPoseH(HighResolutionTrunk):
    """TransPose-H: HRNet-W32 (S) or -W48 (A4, A6) to its third stage, layers of one head over stride 4.

    `image` is (height, width) of its pictures: the sine positions, which checkpoints hold too, are made for it.
    """

    def __init__(
        self, width: int = 32, d_model: int = 64, feedforward: int = 128, layers: int = 4, heads: int = 1,
        joints: int = 17, image: tuple[int, int] = (256, 192),
    ):  # fmt: skip
        super().__init__(width, stages=3)
        self.cells = cells(image, STRIDE_H)
        self.pos_embedding = positions(self.cells, d_model)
        self.reduce = nn.Conv2d(width, d_model, 1, bias=False)
        self.global_encoder = Encoder(layers, d_model, heads, feedforward, DROPOUT)
        self.final_layer = nn.Conv2d(d_model, joints, 1)

    def forward(self, images: Tensor) -> Tensor:
        """images [B, 3, H, W] of the size `image` to heat maps [B, joints, H/4, W/4].

        Between: features [B, width, H/4, W/4], reduced [B, d_model, H/4, W/4], tokens [B, HW/16, d_model].
        """
        x = self.reduce(self.high_resolution(images))
        check_cells(x, self.cells, STRIDE_H)
        maps: Tensor = self.final_layer(self.global_encoder.over_map(x, self.pos_embedding.transpose(0, 1)))
        return maps


def positions(cells: tuple[int, int], width: int) -> nn.Parameter:
    """Sine positions [h w, 1, width], not trained, a parameter all the same: checkpoints count it as one."""
    return nn.Parameter(sine_table(cells, width)[:, None], requires_grad=False)


def cells(image: tuple[int, int], stride: int) -> tuple[int, int]:
    """(height, width) of a picture in pixels to rows and columns of cells; ConfigError where that breaks up."""
    height, width = image
    if height % 16 or width % 16 or min(image) < 16:
        raise ConfigError(f"pictures of {height} x {width} pixels, expected multiples of 16")
    return height // stride, width // stride


def check_cells(x: Tensor, cells: tuple[int, int], stride: int) -> None:
    """ConfigError unless the map [B, C, h, w] has these cells: another shape's positions would be wrong ones."""
    if tuple(x.shape[2:]) != tuple(cells):
        got, want = (" x ".join(str(stride * side) for side in sides) for sides in (x.shape[2:], cells))
        raise ConfigError(
            f"pictures of about {got} pixels, but the positions are made for {want}: resize, or another `image`"
        )
