"""BTranspose: heat maps from a bottleneck transformer, a ResNet whose last stages attend, and an encoder over it.

Source: Balakrishnan and Upadhyay, BTranspose: Bottleneck Transformers for Human Pose Estimation with
Self-Supervised Pre-Training, arXiv 2204.10209. What the paper leaves open (biases, where the encoder is told its
positions, the energies of attention) is as in its first author's repository, github.com/kaushikb258/BTranspose,
of which facts alone are taken: it carries no licence.
Pictures are RGB, normalised by ImageNet's mean and deviation.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from posebeam.models.networks.encoder import Encoder
from posebeam.models.networks.mhsa import MHSA, stretch
from posebeam.models.networks.simple_baseline import deconvolutions
from posebeam.models.networks.transpose import DROPOUT, STRIDE_R, cells
from posebeam.transforms.errors import ConfigError

STEM = 64
BLOCKS = (3, 4, 6, 3)  # of each group, in order
WIDTH, FEEDFORWARD, ENCODER_HEADS = 256, 1024, 8  # of the encoder, as TransPose-R's


class BTranspose(nn.Module):
    """BTranspose-C2A1, -C2A2, -C3A1: so many groups of convolutions, then so many of attention (tables 1 and 5).

    widths: of the bottlenecks in each group; attention_groups: how many of the last attend, with `heads` heads;
    layers: of the encoder; position: of the attention groups (see MHSA); image: (height, width) of the pictures.
    """

    def __init__(
        self, widths: Sequence[int] = (64, 96, 128, 256), attention_groups: int = 1, heads: int = 4,
        layers: int = 4, position: str = "factored", joints: int = 17, image: tuple[int, int] = (256, 192),
    ):  # fmt: skip
        super().__init__()
        self.model_alpha = BTransposeTrunk(widths, attention_groups, heads, layers, position, image)
        self.deconv_layers = deconvolutions(WIDTH, WIDTH)
        self.final_layer = nn.Conv2d(WIDTH, joints, 1)

    def forward(self, images: Tensor) -> Tensor:
        """images [B, 3, H, W] of the size `image`, over [B, 256, H/8, W/8], to maps [B, joints, H/4, W/4]."""
        maps: Tensor = self.final_layer(self.deconv_layers(self.model_alpha(images)))
        return maps


class BTransposeTrunk(nn.Module):
    """All but the head: what DINO pre-trains on its own, under keys that start with `backbone.` there.

    Positions of the encoder are learnt, and told to its first layer only. With `interpolate`, pictures of other
    sizes than `image` may come, such as DINO's crops: all positions are stretched to them (see stretch).
    """

    def __init__(
        self, widths: Sequence[int] = (64, 96, 128, 256), attention_groups: int = 1, heads: int = 4,
        layers: int = 4, position: str = "factored", image: tuple[int, int] = (256, 192),
        interpolate: bool = False,
    ):  # fmt: skip
        super().__init__()
        if not 1 <= attention_groups <= len(widths) - 2 <= len(BLOCKS) - 2:
            raise ConfigError(
                f"{len(widths)} groups, the last {attention_groups} attending: expected 3 or 4, the first two not"
            )
        self.size = cells(image, STRIDE_R)
        self.pos_embedding = nn.Parameter(torch.randn(self.size[0] * self.size[1], 1, WIDTH))
        self.conv1 = nn.Conv2d(3, STEM, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(STEM)
        self._groups, into, biased = [], STEM, position == "factored"
        for index, (width, count) in enumerate(zip(widths, BLOCKS, strict=False)):
            group = nn.Sequential()
            for block in range(count):
                stride = 2 if (index, block) == (1, 0) else 1
                attends = index >= len(widths) - attention_groups
                attention = MHSA(width, heads, self.size, position, interpolate) if attends else None
                group.append(Bottleneck(into, width, stride, attention, biased))
                into = Bottleneck.expansion * width
            self._groups.append(f"layer{index + 1}")
            setattr(self, self._groups[-1], group)
        self.reduce = nn.Conv2d(into, WIDTH, 1, bias=False)
        self.global_encoder = Encoder(layers, WIDTH, ENCODER_HEADS, FEEDFORWARD, DROPOUT, first_only=True)

    def forward(self, images: Tensor) -> Tensor:
        """images [B, 3, H, W] to [B, 256, H/8, W/8].

        Between, for C3A1: stem [B, 64, H/4, W/4]; groups [B, 256, H/4, W/4], [B, 384, H/8, W/8],
        [B, 512, H/8, W/8], [B, 1024, H/8, W/8]; reduced [B, 256, H/8, W/8]; tokens [B, HW/64, 256].
        """
        x = F.max_pool2d(F.relu(self.bn1(self.conv1(images)), inplace=True), 3, stride=2, padding=1)
        for name in self._groups:
            x = getattr(self, name)(x)
        x = self.reduce(x)
        return self.global_encoder.over_map(x, self._positions((x.shape[2], x.shape[3])))

    def _positions(self, size: tuple[int, int]) -> Tensor:
        """[1, hw, 256] for a map of h x w cells. A size that must not come was refused by MHSA before."""
        table = self.pos_embedding.permute(1, 2, 0).unflatten(2, self.size)  # [1, 256, *self.size]
        return stretch(table, size).flatten(2).transpose(1, 2)


class Bottleneck(nn.Module):
    """1 x 1, then 3 x 3 or attention, then 1 x 1 to four times the width (BoTNet, arXiv 2101.11605, figure 1)."""

    expansion = 4

    def __init__(self, into: int, width: int, stride: int, attention: MHSA | None, biased: bool):
        """biased: whether the shortcut's convolution has a bias, as BTranspose's was published; BoTNet's none."""
        super().__init__()
        out = self.expansion * width
        self.conv1, self.bn1 = nn.Conv2d(into, width, 1, bias=False), nn.BatchNorm2d(width)
        self.conv2: nn.Module = nn.Conv2d(width, width, 3, stride, padding=1, bias=False)
        if attention is not None:
            self.conv2 = nn.ModuleList([attention])  # named conv2.0 in the publication
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3, self.bn3 = nn.Conv2d(width, out, 1, bias=False), nn.BatchNorm2d(out)
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or into != out:
            self.shortcut = nn.Sequential(nn.Conv2d(into, out, 1, stride, bias=biased), nn.BatchNorm2d(out))

    def forward(self, x: Tensor) -> Tensor:
        """x [B, into, h, w] to [B, 4 width, h / stride, w / stride]."""
        y = F.relu(self.bn1(self.conv1(x)), inplace=True)
        y = self.conv2[0](y, need_weights=False)[0] if isinstance(self.conv2, nn.ModuleList) else self.conv2(y)
        y = self.bn3(self.conv3(F.relu(self.bn2(y), inplace=True)))
        return F.relu(y.add_(self.shortcut(x)), inplace=True)
