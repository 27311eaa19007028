"""ResNetTrunk: torchvision's ResNet up to a stage, its parts under their names directly in the network."""

from collections.abc import Callable

import torchvision
from torch import Tensor, nn

from posebeam.transforms.errors import ConfigError

DEPTHS = (50, 101, 152)


class ResNetTrunk(nn.Module):
    """Stem and the first stages of a ResNet with bottlenecks (arXiv 1512.03385, table 1)."""

    def __init__(self, depth: int = 50, stages: int = 4, norm: Callable[..., nn.Module] = nn.BatchNorm2d):
        super().__init__()
        if depth not in DEPTHS or not 1 <= stages <= 4:
            raise ConfigError(f"ResNet-{depth} to stage {stages}: expected a depth of {DEPTHS}, a stage of 1..4")
        whole = getattr(torchvision.models, f"resnet{depth}")(weights=None, norm_layer=norm)
        self.conv1, self.bn1, self.relu, self.maxpool = whole.conv1, whole.bn1, whole.relu, whole.maxpool
        self._stages = [f"layer{stage}" for stage in range(1, stages + 1)]
        for name in self._stages:
            setattr(self, name, getattr(whole, name))

    def stages(self, images: Tensor) -> list[Tensor]:
        """Images [B, 3, H, W] to each stage's output: [B, 256, H/4, W/4], [B, 512, H/8, W/8], ..."""
        x, found = self.maxpool(self.relu(self.bn1(self.conv1(images)))), []
        for name in self._stages:
            x = getattr(self, name)(x)
            found.append(x)
        return found
