"""OpenPoseBody: CMU's body network, VGG to stride 8 and six stages of part affinity fields and heat maps."""

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from itertools import pairwise

import torch
from torch import Tensor, nn

POOL = ("pool", 0)
# VGG-19 up to its tenth convolution and two more that narrow it: names and channels, all 3 x 3.
TRUNK = (
    ("conv1_1", 64), ("conv1_2", 64), POOL,
    ("conv2_1", 128), ("conv2_2", 128), POOL,
    ("conv3_1", 256), ("conv3_2", 256), ("conv3_3", 256), ("conv3_4", 256), POOL,
    ("conv4_1", 512), ("conv4_2", 512), ("conv4_3_CPM", 256), ("conv4_4_CPM", 128),
)  # fmt: skip
FEATURES = 128
FIELDS = 38  # x and y of 19 limbs
HEATS = 19  # 18 parts and the background
STAGES = 6
# Channels and kernel of a branch before its last convolution, which is 1 x 1.
FIRST = ((128, 3), (128, 3), (128, 3), (512, 1))
LATER = ((128, 7), (128, 7), (128, 7), (128, 7), (128, 7), (128, 1))


class OpenPoseBody(nn.Module):
    """The OpenPose network for 18 parts, trained on COCO.

    Names of modules and the rectified heat maps are those of the conversion to torch.
    Source: Cao et al., arXiv 1611.08050, figure 3; github.com/Hzzone/pytorch-openpose, src/model.py.
    """

    def __init__(self) -> None:
        super().__init__()
        self.model0 = trunk()
        for number, out in ((1, FIELDS), (2, HEATS)):
            for stage in range(1, STAGES + 1):
                into = FEATURES if stage == 1 else FIELDS + HEATS + FEATURES
                self.add_module(f"model{stage}_{number}", branch(stage, number, into, out))

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """BGR / 256 - 0.5, float [B, 3, H, W], to what the last stage says.

        Fields [B, 38, H // 8, W // 8], x before y, in the order of decoders/paf.py, and heat maps
        [B, 19, H // 8, W // 8] in the order of the skeleton openpose19, none of them below 0.
        """
        features: Tensor = self.model0(images)  # [B, 128, h, w]
        x = features
        for stage in range(1, STAGES + 1):
            fields: Tensor = self.get_submodule(f"model{stage}_1")(x)  # [B, 38, h, w]
            heats: Tensor = self.get_submodule(f"model{stage}_2")(x)  # [B, 19, h, w]
            x = torch.cat((fields, heats, features), 1)  # [B, 185, h, w]
        return fields, heats

    def renamed(self, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """A checkpoint under the network's names: body_pose_model.pth leaves `model0.` and its like away."""
        whole = {key.partition(".")[2]: key for key in self.state_dict()}
        return {whole.get(key, key): value for key, value in state.items()}


def trunk() -> nn.Sequential:
    """Picture [B, 3, H, W] to features [B, 128, H // 8, W // 8]."""
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    into = 3
    for name, out in TRUNK:
        if (name, out) == POOL:
            layers[f"pool_{len(layers)}"] = nn.MaxPool2d(2)
            continue
        layers[name] = nn.Conv2d(into, out, 3, padding=1)
        layers[f"relu_{name}"] = nn.ReLU(inplace=True)
        into = out
    return nn.Sequential(layers)


def branch(stage: int, number: int, into: int, out: int) -> nn.Sequential:
    """Branch 1 (fields) or 2 (heat maps) of a stage: [B, into, h, w] to [B, out, h, w]."""
    convolutions = (*(FIRST if stage == 1 else LATER), (out, 1))
    channels = pairwise((into, *(width for width, _ in convolutions)))
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    names = branch_names(stage, number, len(convolutions))
    for name, (source, target), (_, kernel) in zip(names, channels, convolutions, strict=True):
        layers[name] = nn.Conv2d(source, target, kernel, padding=kernel // 2)
        layers[f"relu_{name}"] = nn.ReLU(inplace=True)
    # What a branch says is not rectified, but for the last heat maps: so the conversion has it.
    if (stage, number) != (STAGES, 2):
        layers.popitem()
    return nn.Sequential(layers)


def branch_names(stage: int, number: int, count: int) -> Iterable[str]:
    """conv5_1_CPM_L1 ... in the first stage, Mconv1_stage2_L1 ... in the others."""
    for i in range(1, count + 1):
        yield f"conv5_{i}_CPM_L{number}" if stage == 1 else f"Mconv{i}_stage{stage}_L{number}"
