"""OpenPoseThin: a MobileNet to stride 8 and six stages of heat maps and part affinity fields."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from posebeam.models.networks.padding import same

# MobileNetV1 at width 0.75: channels and stride of its separable convolutions.
BLOCKS = (
    (48, 1), (96, 2), (96, 1), (192, 2), (192, 1), (384, 1), (384, 1), (384, 1), (384, 1), (384, 1), (384, 1),
)  # fmt: skip
TAPS = (2, 6, 10)  # blocks whose outputs become the features; the first, at stride 4, is pooled
HEATS = 19  # 18 parts and the background
FIELDS = 38  # x and y of 19 limbs
STAGES = 6
WIDTH = 64  # of a stage
MIDDLE = 127.5  # the grey that becomes 0; pixels are not scaled


class OpenPoseThin(nn.Module):
    """The OpenPose network on a MobileNet, `mobilenet_thin`, trained on COCO.

    Batch norms are folded into the convolutions, as published.
    Source: graph_opt.pb of github.com/ildoonet/tf-pose-estimation (Apache-2.0); Cao et al., arXiv 1611.08050;
    MobileNet, arXiv 1704.04861.
    """

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 24, 3, stride=2)
        self.blocks = nn.ModuleList()
        into = 24
        for out, stride in BLOCKS:
            self.blocks.append(Separable(into, out, 3, stride))
            into = out
        features = sum(BLOCKS[tap][0] for tap in TAPS)
        self.stages = nn.ModuleList(
            Stage(features if i == 0 else features + FIELDS + HEATS, 256 if i == 0 else WIDTH)
            for i in range(STAGES)
        )

    def forward(self, images: Tensor) -> Tensor:
        """RGB 0..255, float [B, 3, H, W] with H and W multiples of 8, to [B, 57, H / 8, W / 8].

        The first 19 channels are the heat maps, about 0..1, in the order of the skeleton openpose19; the other 38
        the fields, x before y, in the order of decoders/paf.py.
        """
        x = F.relu(self.stem(same(images - MIDDLE)), inplace=True)
        features = []
        for index, block in enumerate(self.blocks):
            x = F.relu(block(x), inplace=True)
            if index in TAPS:
                features.append(x)
        features[0] = F.max_pool2d(features[0], 2)
        fields, heats = self.stages[0](features)
        for stage in self.stages[1:]:
            fields, heats = stage([fields, heats, *features])
        return torch.cat((heats, fields), 1)


class Separable(nn.Module):
    """A depthwise convolution without bias and a pointwise one with it; nothing between them."""

    def __init__(self, into: int, out: int, kernel: int, stride: int = 1):
        super().__init__()
        padding = kernel // 2 if stride == 1 else 0
        self.depthwise = nn.Conv2d(into, into, kernel, stride, padding, groups=into, bias=False)
        self.pointwise = nn.Conv2d(into, out, 1)

    def forward(self, x: Tensor) -> Tensor:
        """[B, into, H, W] to [B, out, H / stride, W / stride]."""
        if self.depthwise.kernel_size == (1, 1):
            # A factor for each channel: cheaper in the weights than in the maps.
            both = self.pointwise.weight * self.depthwise.weight.view(1, -1, 1, 1)
            return F.conv2d(x, both, self.pointwise.bias)
        x = same(x) if self.depthwise.stride[0] == 2 else x
        out: Tensor = self.pointwise(self.depthwise(x))
        return out


class Joining(nn.Module):
    """A separable 3 x 3 convolution over maps side by side, which are never copied together.

    The sum over the parts is what the convolution of the whole is, and the network three times as fast on one
    thread.
    """

    def __init__(self, into: int, out: int):
        super().__init__()
        self.depthwise = nn.Conv2d(into, into, 3, padding=1, groups=into, bias=False)
        self.pointwise = nn.Conv2d(into, out, 1)

    def forward(self, parts: Sequence[Tensor]) -> Tensor:
        """Parts [B, C, h, w], their channels `into` together, to [B, out, h, w]."""
        sizes = [part.shape[1] for part in parts]
        depths, points = self.depthwise.weight.split(sizes), self.pointwise.weight.split(sizes, 1)
        biases = self.pointwise.bias, *[None] * (len(sizes) - 1)
        first, *others = (
            F.conv2d(F.conv2d(part, depth, padding=1, groups=len(depth)), point, bias)
            for part, depth, point, bias in zip(parts, depths, points, biases, strict=True)
        )
        return sum(others, first)


class Stage(nn.Module):
    """Two branches of five separable convolutions over the same maps."""

    def __init__(self, into: int, middle: int):
        super().__init__()
        self.fields = branch(into, middle, FIELDS)
        self.heats = branch(into, middle, HEATS)

    def forward(self, parts: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """Parts [B, C, h, w] to fields [B, 38, h, w] and heat maps [B, 19, h, w]."""
        return self.fields(parts), self.heats(parts)


def branch(into: int, middle: int, out: int) -> nn.Sequential:
    """Three separable convolutions of 3 x 3, two of 1 x 1, ReLU between them."""
    layers: list[nn.Module] = [Joining(into, WIDTH), nn.ReLU(inplace=True)]
    for source, target, kernel in ((WIDTH, WIDTH, 3), (WIDTH, WIDTH, 3), (WIDTH, middle, 1)):
        layers += [Separable(source, target, kernel), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers, Separable(middle, out, 1))
