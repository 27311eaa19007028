"""HighResolutionTrunk: branches of halving resolution side by side, which exchange what they hold again and again.

Shared by HRNet (networks/hrnet.py), TransPose-H, which stops after stage 3, and PRTR on HRNet.
Attribute names are those of the publication, so that its checkpoints load as they are.
Source: Sun et al., Deep High-Resolution Representation Learning for Human Pose Estimation, arXiv 1902.09212;
github.com/leoxiaobin/deep-high-resolution-net.pytorch (MIT).
"""

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional as F
from torchvision.models.resnet import BasicBlock, Bottleneck

from posebeam.transforms.errors import ConfigError

WIDTHS = (32, 48)  # channels C of the finest branch: HRNet-W32, HRNet-W48; the next have 2C, 4C, 8C
STEM = 64
BLOCKS = 4  # residual blocks of a branch between two exchanges, and bottlenecks of layer1
MODULES = {2: 1, 3: 4, 4: 3}  # stage: how many times its branches exchange; stage n has n branches


class HighResolutionTrunk(nn.Module):
    """Stem to stride 4, bottlenecks, then stages of 2, 3 and, with `stages` 4, 4 branches (Figure 1).

    `every_scale` says whether the last exchange fills all branches or the finest alone.
    Normalised images [B, 3, H, W], H and W multiples of 32 (of 16 with 3 stages).
    """

    def __init__(self, width: int, stages: int = 4, every_scale: bool = False):
        super().__init__()
        if width not in WIDTHS:
            raise ConfigError(f"HRNet of width {width}, expected one of {WIDTHS}")
        if stages not in (3, 4):
            raise ConfigError(f"HRNet with {stages} stages, expected 3 or 4")
        self.conv1 = nn.Conv2d(3, STEM, 3, stride=2, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(STEM)
        self.conv2 = nn.Conv2d(STEM, STEM, 3, stride=2, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(STEM)
        self.layer1 = bottlenecks(STEM, STEM, BLOCKS)
        channels = [width << i for i in range(stages)]
        self.transition1 = transition([STEM * Bottleneck.expansion], channels[:2])
        self.stage2 = stage(channels[:2], every_scale=True)
        self.transition2 = transition(channels[:2], channels[:3])
        self.stage3 = stage(channels[:3], every_scale or stages > 3)
        if stages > 3:
            self.transition3 = transition(channels[:3], channels)
            self.stage4 = stage(channels, every_scale)
        self.stages = stages

    def branches(self, images: Tensor) -> list[Tensor]:
        """[B, 3, H, W] to [B, C, H / 4, W / 4] and, with `every_scale`, [B, 2C, H / 8, W / 8] and so on."""
        x = F.relu(self.bn1(self.conv1(images)), inplace=True)  # [B, 64, H / 2, W / 2]
        x = F.relu(self.bn2(self.conv2(x)), inplace=True)  # [B, 64, H / 4, W / 4]
        maps = [self.layer1(x)]  # [B, 256, H / 4, W / 4]
        maps = self.stage2(widen(self.transition1, maps))
        maps = self.stage3(widen(self.transition2, maps))
        if self.stages > 3:
            maps = self.stage4(widen(self.transition3, maps))
        return maps

    def high_resolution(self, images: Tensor) -> Tensor:
        """[B, 3, H, W] to what the finest branch ends with, [B, C, H / 4, W / 4]."""
        return self.branches(images)[0]


class Exchange(nn.Module):
    """Each branch on its own through four residual blocks, then every branch to every other (Figure 3).

    fuse_layers[i][j] brings branch j to the channels and the resolution of branch i.
    """

    def __init__(self, channels: Sequence[int], every_scale: bool):
        super().__init__()
        self.branches = nn.ModuleList(
            nn.Sequential(*(BasicBlock(width, width) for _ in range(BLOCKS))) for width in channels
        )
        self.fuse_layers = nn.ModuleList(
            nn.ModuleList(bridge(channels, source, target) for source in range(len(channels)))
            for target in range(len(channels) if every_scale else 1)
        )

    def forward(self, maps: Sequence[Tensor]) -> list[Tensor]:
        """Branch i [B, 2^i C, H / 2^i, W / 2^i] to the same shapes, or the first of them alone."""
        maps = [branch(x) for branch, x in zip(self.branches, maps, strict=True)]
        return [self._fuse(bridges, maps) for bridges in self.fuse_layers]

    def _fuse(self, bridges: nn.Module, maps: Sequence[Tensor]) -> Tensor:
        assert isinstance(bridges, nn.ModuleList)
        first, second, *others = (bridge(x) for bridge, x in zip(bridges, maps, strict=True))
        total = first + second  # a new tensor: what follows may write into it, not into a branch
        for other in others:
            total += other
        return F.relu(total, inplace=True)


def stage(channels: Sequence[int], every_scale: bool) -> nn.Sequential:
    """As many exchanges as a stage of that many branches has; only the last can be told to fill one branch."""
    count = MODULES[len(channels)]
    return nn.Sequential(*(Exchange(channels, every_scale or i < count - 1) for i in range(count)))


def transition(before: Sequence[int], after: Sequence[int]) -> nn.ModuleList:
    """Channels of the branches before and after: convolutions where they differ, and a new, coarser branch."""
    layers: list[nn.Module] = [
        nn.Identity() if into == out else nn.Sequential(*convolution(into, out, stride=1), nn.ReLU(inplace=True))
        for into, out in zip(before, after, strict=False)
    ]
    new = nn.Sequential(*convolution(before[-1], after[-1], stride=2), nn.ReLU(inplace=True))
    return nn.ModuleList([*layers, nn.Sequential(new)])


def widen(layers: nn.ModuleList, maps: Sequence[Tensor]) -> list[Tensor]:
    """Branches to one branch more, which starts from the coarsest."""
    return [layer(maps[min(i, len(maps) - 1)]) for i, layer in enumerate(layers)]


def bridge(channels: Sequence[int], source: int, target: int) -> nn.Module:
    """From one branch to another: strided convolutions down, a pointwise one and nearest neighbours up."""
    into, out = channels[source], channels[target]
    if source == target:
        return nn.Identity()
    if source > target:
        up = nn.Upsample(scale_factor=2 ** (source - target), mode="nearest")
        return nn.Sequential(nn.Conv2d(into, out, 1, bias=False), nn.BatchNorm2d(out), up)
    steps = [
        nn.Sequential(*convolution(into, into, stride=2), nn.ReLU(inplace=True))
        for _ in range(target - source - 1)
    ]
    return nn.Sequential(*steps, nn.Sequential(*convolution(into, out, stride=2)))


def convolution(into: int, out: int, stride: int, bias: bool = False) -> tuple[nn.Module, nn.Module]:
    """3 x 3 and its batch norm."""
    return nn.Conv2d(into, out, 3, stride, padding=1, bias=bias), nn.BatchNorm2d(out)


def bottlenecks(into: int, width: int, count: int) -> nn.Sequential:
    """`count` bottlenecks at one resolution, from `into` to 4 `width` channels."""
    out = width * Bottleneck.expansion
    shortcut = nn.Sequential(nn.Conv2d(into, out, 1, bias=False), nn.BatchNorm2d(out))
    first = Bottleneck(into, width, downsample=shortcut)
    return nn.Sequential(first, *(Bottleneck(out, width) for _ in range(count - 1)))
