"""MoveNet: MobileNetV2, a feature pyramid down to stride 4, and the heads of a CenterNet."""

from itertools import pairwise
from typing import NamedTuple

from torch import Tensor, nn
from torch.nn import functional as F

from posebeam.models.networks.padding import same

# MobileNetV2's table: expansion, channels at width 1, blocks, stride of the first block.
STAGES = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)
PYRAMID = (64, 32, 24, 24)  # channels at strides 32, 16, 8, 4
HEAD = 96
# A pixel's 0..255 becomes -1..1 with 2 / 255 as the published fp16 graph holds it.
PIXEL_SCALE = 0.007843017578125


class Heads(NamedTuple):
    """Raw maps at stride 4: center [B, 1, h, w] and heatmap [B, K, h, w] are logits; regress and offset
    [B, 2K, h, w] are cells, (y, x) of joint after joint."""

    center: Tensor
    heatmap: Tensor
    regress: Tensor
    offset: Tensor


class BoxHeads(NamedTuple):
    """Heads, and a person's box: box_scale [B, 2, h, w] is its height and width in cells, box_offset
    [B, 2, h, w] (y, x) from the person's cell to the box's middle."""

    center: Tensor
    heatmap: Tensor
    regress: Tensor
    offset: Tensor
    box_scale: Tensor
    box_offset: Tensor


class MoveNet(nn.Module):
    """Raw maps of one person: Lightning is width 1.0 at 192 x 192, Thunder width 1.75 at 256 x 256.
    With `boxes` those of several: MultiPose is width 1.5 at any sides, 256 the larger.

    Batch norms are folded into the convolutions, as published.
    Source: the model cards and graphs of MoveNet SinglePose 4 and MultiPose 1, tfhub.dev/google/movenet;
    MobileNetV2, arXiv 1801.04381; CenterNet, arXiv 1904.07850.
    """

    def __init__(self, width: float = 1.0, joints: int = 17, boxes: bool = False):
        super().__init__()
        stem = scaled(32, width)
        self.stem = Conv(3, stem, 3, stride=2)
        self.blocks = nn.ModuleList()
        taps, into = {}, stem
        for expansion, channels, count, stride in STAGES:
            out = scaled(channels, width)
            for i in range(count):
                self.blocks.append(Block(into, out, expansion, stride if i == 0 else 1))
                into = out
            taps[channels] = out
        self.last = Conv(into, 1280, 1)
        # The pyramid takes what lies before each halving: blocks 2, 5, 9 at strides 4, 8, 16.
        self.pyramid = Pyramid((1280, taps[64], taps[32], taps[24]))
        self.center = Head(1)
        self.heatmap = Head(joints)
        self.regress = Head(2 * joints)
        self.offset = Head(2 * joints)
        self.boxes = boxes
        if boxes:
            self.box_scale, self.box_offset = Head(2), Head(2)

    def forward(self, images: Tensor) -> Heads | BoxHeads:
        """RGB 0..255, float [B, 3, H, W] with H and W multiples of 32, to maps of H/4 x W/4."""
        x = self.stem(images * PIXEL_SCALE - 1)
        levels = []
        for index, block in enumerate(self.blocks):
            x = block(x)
            if index in (2, 5, 9):
                levels.append(x)
        f = self.pyramid([self.last(x), *reversed(levels)])
        heads = Heads(self.center(f), self.heatmap(f), self.regress(f), self.offset(f))
        return BoxHeads(*heads, self.box_scale(f), self.box_offset(f)) if self.boxes else heads


class Conv(nn.Conv2d):
    """A convolution padded as TensorFlow's SAME on even sizes, and ReLU6."""

    def __init__(self, into: int, out: int, kernel: int, stride: int = 1, groups: int = 1):
        # At stride 2 SAME pads only below and to the right: done in forward.
        super().__init__(into, out, kernel, stride, 0 if stride == 2 else kernel // 2, groups=groups)

    def forward(self, x: Tensor) -> Tensor:
        """[B, into, H, W] to [B, out, H / stride, W / stride]."""
        if self.stride[0] == 2:
            x = same(x)
        return F.relu6(super().forward(x), inplace=True)


class Block(nn.Module):
    """Inverted residual: expand, depthwise, project; the input is added where the shape stays."""

    def __init__(self, into: int, out: int, expansion: int, stride: int):
        super().__init__()
        inner = into * expansion
        self.expand = Conv(into, inner, 1) if expansion > 1 else nn.Identity()
        self.depthwise = Conv(inner, inner, 3, stride, groups=inner)
        self.project = nn.Conv2d(inner, out, 1)
        self.adds = stride == 1 and into == out

    def forward(self, x: Tensor) -> Tensor:
        """[B, into, H, W] to [B, out, H / stride, W / stride]."""
        y = self.project(self.depthwise(self.expand(x)))
        return y.add_(x) if self.adds else y


class Separable(nn.Module):
    """A depthwise 3 x 3 without bias, a pointwise with bias, ReLU."""

    def __init__(self, into: int, out: int):
        super().__init__()
        self.depthwise = nn.Conv2d(into, into, 3, padding=1, groups=into, bias=False)
        self.pointwise = nn.Conv2d(into, out, 1)

    def forward(self, x: Tensor) -> Tensor:
        """[B, into, h, w] to [B, out, h, w]."""
        return F.relu(self.pointwise(self.depthwise(x)), inplace=True)


class Pyramid(nn.Module):
    """From stride 32 to stride 4: three times doubled, each time plus the lateral level, then smoothed."""

    def __init__(self, levels: tuple[int, int, int, int]):
        super().__init__()
        into = (PYRAMID[0], *PYRAMID[:3])
        self.lateral = nn.ModuleList(nn.Conv2d(a, b, 1) for a, b in zip(levels, into, strict=True))
        self.smooth = nn.ModuleList(Separable(a, b) for a, b in pairwise(PYRAMID))

    def forward(self, levels: list[Tensor]) -> Tensor:
        """Levels at strides 32, 16, 8, 4 to [B, 24, h, w] at stride 4."""
        x = self.lateral[0](levels[0])
        for level, lateral, smooth in zip(levels[1:], self.lateral[1:], self.smooth, strict=True):
            x = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
            x = smooth(x.add_(lateral(level)))
        return x


class Head(nn.Module):
    """A separable convolution and a linear one."""

    def __init__(self, out: int):
        super().__init__()
        self.separable = Separable(PYRAMID[-1], HEAD)
        self.linear = nn.Conv2d(HEAD, out, 1)

    def forward(self, features: Tensor) -> Tensor:
        """[B, 24, h, w] to [B, out, h, w]."""
        linear: Tensor = self.linear(self.separable(features))
        return linear


def scaled(channels: int, width: float) -> int:
    """MobileNet's rounding: the nearest multiple of 8 that does not lose more than a tenth."""
    rounded = max(8, int(channels * width + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * channels * width else rounded
