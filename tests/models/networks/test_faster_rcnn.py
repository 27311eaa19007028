"""Faster R-CNN: what torchvision's own model makes of a picture, behind our doors; old names of its weights."""

import pytest
import torch
from torchvision.models import detection
from torchvision.models.detection.backbone_utils import resnet_fpn_backbone
from torchvision.ops import FrozenBatchNorm2d

from posebeam.models import registry
from posebeam.models.networks.faster_rcnn import FasterRCNN

SIDES = {"min_size": 96, "max_size": 160}


@pytest.fixture(scope="module")
def network() -> FasterRCNN:
    return registry.build_network("fasterrcnn-resnet50")


@pytest.fixture(scope="module")
def whole(network) -> detection.FasterRCNN:
    """torchvision's, with the same weights; it resizes, normalises and pads by itself."""
    trunk = resnet_fpn_backbone(backbone_name="resnet50", weights=None)
    for module in trunk.modules():
        if isinstance(module, FrozenBatchNorm2d):
            module.eps = 0.0
    model = detection.FasterRCNN(trunk, 91, **SIDES).eval()
    model.load_state_dict(network.state_dict())
    return model


def test_equal_to_torchvision_with_padding(network, whole):
    image = torch.rand(3, 96, 140, generator=torch.Generator().manual_seed(0))
    shown, _ = whole.transform([image])
    (h, w), (H, W) = shown.image_sizes[0], shown.tensors.shape[2:]
    assert (w, W) == (140, 160)
    outside = torch.ones(1, H, W, dtype=torch.bool)
    outside[:, :h, :w] = False
    with torch.inference_mode():
        (expected,), ours = whole([image]), network(shown.tensors, outside)
    count = len(expected["scores"])
    assert count > 10
    assert torch.allclose(ours["scores"][0, :count], expected["scores"], atol=1e-6)
    assert (ours["labels"][0, :count] == expected["labels"]).all()
    pixels = ours["boxes"][0, :count] * torch.tensor((w, h, w, h))
    assert torch.allclose(pixels, expected["boxes"], atol=1e-3)
    assert (ours["scores"][0, count:] == 0).all()


def test_the_published_file_has_older_names(network):
    new = network.state_dict()
    old = {
        key.replace(".0.0.", ".").replace("0.weight", "weight") if key.startswith("rpn.head.conv") else
        key.replace(".0.weight", ".weight").replace(".0.bias", ".bias") if "_blocks." in key else key: value
        for key, value in new.items()
    }  # fmt: skip
    assert "backbone.fpn.inner_blocks.0.weight" in old
    assert "rpn.head.conv.weight" in old
    counters = {"backbone.body.bn1.num_batches_tracked": torch.zeros(())}
    assert network.renamed(old | counters).keys() == new.keys()
    assert network.renamed(new).keys() == new.keys()
