"""DETR: boxes and classes of what is in a picture, found by learnt queries that attend to it.

Source: Carion et al., End-to-End Object Detection with Transformers, arXiv 2005.12872 (figures 2 and 10);
github.com/facebookresearch/detr (Apache-2.0).
"""

from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn
from torch.nn import functional as F
from torchvision.ops import FrozenBatchNorm2d

from posebeam.models.networks.padding import padded
from posebeam.models.networks.resnet import ResNetTrunk
from posebeam.models.networks.transformer import Transformer

CLASSES = 91  # COCO's numbers run to 90, and 0 is none of them
FEATURES = 2048  # channels of a ResNet's last stage
FRESH_BRANCH = 0.3  # what a residual branch counts before a checkpoint says it
TRAINED = ("layer2", "layer3", "layer4")


class DETR(nn.Module):
    """DETR-R50 and -R101: a ResNet, a transformer over its last stage, and two heads for each query.

    Images are RGB, normalised by ImageNet's mean and deviation. The last class is no object.
    """

    def __init__(
        self,
        depth: int = 50,
        classes: int = CLASSES,
        queries: int = 100,
        layers: int = 6,
        width: int = 256,
        heads: int = 8,
        feedforward: int = 2048,
        dropout: float = 0.1,
        auxiliary: bool = False,
    ):
        """auxiliary: forward says what every decoder layer makes of the picture, not the last alone; a training
        may turn it on and off.
        """
        super().__init__()
        self.backbone = nn.Sequential(FixedResNet(depth))
        self.input_proj = nn.Conv2d(FEATURES, width, 1)
        self.query_embed = nn.Embedding(queries, width)
        self.transformer = Transformer(width, heads, layers, feedforward, dropout)
        self.class_embed = nn.Linear(width, classes + 1)
        self.bbox_embed = MLP(width, 4)
        self.auxiliary = auxiliary

    def forward(self, images: Tensor | Sequence[Tensor], outside: Tensor | None = None) -> dict[str, Any]:
        """pred_logits [B, queries, classes + 1]; pred_boxes [B, queries, 4]: cx, cy, w, h as parts of the image.

        images: [B, 3, H, W], if some are padded with `outside`, bool [B, H, W], true in the padding; or a sequence
        of [3, h, w]. Boxes are relative to the image without its padding. With auxiliary also aux_outputs: the
        same two of each earlier layer, the first layer's first.
        """
        images, outside = padded(images, outside)
        features = self.input_proj(self.backbone(images)[-1])  # [B, width, H / 32, W / 32]
        found = self.transformer.over_map(
            features, self.query_embed.weight, outside
        )  # [layers, B, queries, width]
        return outputs(found, self.auxiliary, pred_logits=self.class_embed, pred_boxes=self.bbox_embed)


class FixedResNet(nn.Module):
    """A ResNet whose norms are constants and whose stem and first stage are not trained (section A.4)."""

    def __init__(self, depth: int):
        super().__init__()
        self.body = ResNetTrunk(depth, norm=FixedNorm)
        for name, parameter in self.body.named_parameters():
            parameter.requires_grad_(name.startswith(TRAINED))
        for name, norm in self.body.named_modules():
            if name.endswith("bn3"):
                # With a fresh norm, the identity, each block doubles the variance: half precision overflows.
                norm.weight.fill_(FRESH_BRANCH)

    def forward(self, images: Tensor) -> list[Tensor]:
        """[B, 3, H, W] to the four stages: [B, 256, H / 4, W / 4] to [B, 2048, H / 32, W / 32]."""
        return self.body.stages(images)


class FixedNorm(FrozenBatchNorm2d):
    """torchvision's, by torch's own batch norm: one pass instead of two, in the dtype of its input, and exported
    as what it is. The whole of PRTR-R50 takes a tenth less time on a CPU.
    """

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, H, W] to the same."""
        return F.batch_norm(x, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps)


class MLP(nn.Module):
    """Three linear layers that give parts of a picture, 0 to 1."""

    def __init__(self, width: int, out: int):
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(width, width), nn.Linear(width, width), nn.Linear(width, out)])

    def forward(self, x: Tensor) -> Tensor:
        """[..., width] to [..., out]."""
        first, second, last = self.layers
        parts: Tensor = last(F.relu(second(F.relu(first(x))))).sigmoid()
        return parts


def outputs(found: Tensor, auxiliary: bool, **heads: nn.Module) -> dict[str, Any]:
    """Embeddings [layers, B, queries, width] to what each head makes of the last layer, by the head's name.

    With auxiliary also aux_outputs, a list of the same for the earlier layers.
    """
    if not auxiliary:
        return {name: head(found[-1]) for name, head in heads.items()}
    *earlier, last = [
        dict(zip(heads, each, strict=True)) for each in zip(*(head(found) for head in heads.values()), strict=True)
    ]
    return {**last, "aux_outputs": earlier}
