"""FasterRCNN: torchvision's detector on ResNet-50 and a feature pyramid, under the names of its weights.

Source: Ren et al., arXiv 1506.01497; Lin et al., arXiv 1612.03144; torchvision.models.detection (BSD-3-Clause).
"""

import re
from collections import OrderedDict
from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision.models import detection
from torchvision.models.detection.backbone_utils import resnet_fpn_backbone
from torchvision.models.detection.image_list import ImageList
from torchvision.ops import FrozenBatchNorm2d

CLASSES = 91  # COCO's numbers run to 90, and 0 is the background


class FasterRCNN(nn.Module):
    """Images are RGB, normalised by ImageNet's mean and deviation, of the size that the caller likes.

    torchvision resizes, normalises and pads inside its model; here that is the caller's, as for DETR.
    """

    def __init__(self, classes: int = CLASSES):
        super().__init__()
        trunk = resnet_fpn_backbone(backbone_name="resnet50", weights=None, norm_layer=FrozenBatchNorm2d)
        for module in trunk.modules():
            if isinstance(module, FrozenBatchNorm2d):
                module.eps = 0.0  # as these weights were trained
        whole = detection.FasterRCNN(trunk, classes)
        self.backbone, self.rpn, self.roi_heads = whole.backbone, whole.rpn, whole.roi_heads

    def forward(self, images: Tensor, outside: Tensor | None = None) -> dict[str, Tensor]:
        """scores [B, 100], 0 where there are fewer; labels int64 [B, 100]; boxes [B, 100, 4]: x0, y0, x1, y1.

        images: [B, 3, H, W], if some are padded with `outside`, bool [B, H, W], true in the padding, which lies
        on the right and below. Boxes are parts of the image without its padding, where torchvision gives pixels.
        """
        sizes = [_size(image, None if outside is None else outside[i]) for i, image in enumerate(images)]
        features: OrderedDict[str, Tensor] = self.backbone(images)
        proposals, _ = self.rpn(ImageList(images, sizes), features)
        found, _ = self.roi_heads(features, proposals, sizes)
        most = self.roi_heads.detections_per_img
        sides = [torch.tensor((w, h, w, h), device=images.device) for h, w in sizes]
        return {
            "scores": torch.stack([_filled(each["scores"], most) for each in found]),
            "labels": torch.stack([_filled(each["labels"], most) for each in found]),
            "boxes": torch.stack(
                [_filled(each["boxes"] / side, most) for each, side in zip(found, sides, strict=True)]
            ),
        }

    def renamed(self, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """A checkpoint under today's names: the published file is of before torchvision 0.13."""
        block = re.compile(r"(backbone\.fpn\.(?:inner|layer)_blocks\.\d+)\.(weight|bias)")
        return {
            re.sub(r"rpn\.head\.conv\.(weight|bias)", r"rpn.head.conv.0.0.\1", block.sub(r"\1.0.\2", key)): value
            for key, value in state.items()
            if not key.endswith("num_batches_tracked")
        }


def _size(image: Tensor, outside: Tensor | None) -> tuple[int, int]:
    """Height and width of an image [3, H, W] without its padding [H, W]."""
    if outside is None:
        return image.shape[1], image.shape[2]
    return int((~outside).any(1).sum()), int((~outside).any(0).sum())


def _filled(values: Tensor, most: int) -> Tensor:
    """[n, ...] to [most, ...], zeros behind."""
    return F.pad(values, (*(0,) * (2 * (values.ndim - 1)), 0, most - len(values)))
