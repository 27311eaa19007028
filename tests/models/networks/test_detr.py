"""DETR: sizes and padding, batches, auxiliary layers, what is trained, keys."""

import pytest
import torch
from torch import nn
from torchvision.ops import FrozenBatchNorm2d

from posebeam.models.attention import attention_maps
from posebeam.models.networks.detr import DETR, FixedNorm, FixedResNet
from posebeam.transforms.errors import ConfigError

SMALL = {"classes": 4, "queries": 6, "layers": 2, "width": 32, "heads": 4, "feedforward": 48}


def made(**arguments) -> DETR:
    """A small one with uneven norms: fresh ones are the identity, where a wrong one would not show."""
    torch.manual_seed(1)
    network = DETR(50, **{**SMALL, **arguments})
    for name, part in network.named_modules():
        if isinstance(part, FixedNorm):
            part.weight.uniform_(0.5, 1.5).mul_(0.3 if name.endswith("bn3") else 1)
            part.running_var.uniform_(0.5, 1.5)
            part.bias.normal_(std=0.1)
            part.running_mean.normal_(std=0.1)
        if isinstance(part, nn.MultiheadAttention):
            nn.init.normal_(part.in_proj_bias, std=0.1)
    return network.eval()


class Patches(nn.Module):
    """A trunk each of whose cells sees its own 32 x 32 pixels and no other."""

    def __init__(self):
        super().__init__()
        self.body = nn.Conv2d(3, 2048, 32, 32)

    def forward(self, images: torch.Tensor) -> list[torch.Tensor]:
        """[B, 3, H, W] to [B, 2048, H / 32, W / 32]."""
        return [self.body(images)]


@pytest.fixture(scope="module")
def network() -> DETR:
    return made()


@pytest.fixture
def images() -> torch.Tensor:
    """[2, 3, 64, 96], normalised."""
    return torch.randn(2, 3, 64, 96, generator=torch.Generator().manual_seed(2))


@pytest.fixture
def outside() -> torch.Tensor:
    """The second picture is 40 high and 70 wide."""
    mask = torch.zeros(2, 64, 96, dtype=torch.bool)
    mask[1, 40:] = mask[1, :, 70:] = True
    return mask


def close(got, wanted):
    for key in ("pred_logits", "pred_boxes"):
        torch.testing.assert_close(got[key], wanted[key], rtol=0, atol=1e-5 * wanted[key].abs().max().item())


def far(got, other):
    assert (got["pred_logits"] - other["pred_logits"]).abs().max() > 1e-3 * other["pred_logits"].abs().max()


@torch.no_grad()
def test_a_picture_does_not_depend_on_its_batch_nor_on_the_call(network, images):
    together = network(images)
    assert together["pred_logits"].shape == (2, 6, 5)
    assert together["pred_boxes"].shape == (2, 6, 4)
    assert 0 < together["pred_boxes"].min() < together["pred_boxes"].max() < 1
    assert all(torch.equal(network(images)[key], said) for key, said in together.items())
    alone = [network(image[None]) for image in images]
    close({key: torch.cat([each[key] for each in alone]) for key in together}, together)
    far({key: said[:1] for key, said in together.items()}, {key: said[1:] for key, said in together.items()})


@torch.no_grad()
def test_pictures_of_different_sizes_are_a_batch_and_its_mask(network, images, outside):
    pictures = [images[0], images[1, :, :40, :70]]
    wanted = network(pictures)
    close(network(images, outside), wanted)
    far(network(images), wanted)


@torch.no_grad()
def test_neither_what_stands_in_the_padding_nor_in_another_picture_matters(network, images, outside):
    wanted = network(images, outside)
    close(network(torch.where(outside[:, None], 1e3, images), outside), wanted)
    other = images.clone()
    other[0] = 3 * torch.randn(3, 64, 96)
    changed = network(other, outside)
    close({key: said[1:] for key, said in changed.items()}, {key: said[1:] for key, said in wanted.items()})


@torch.no_grad()
def test_beside_a_larger_picture_the_same_is_said_as_alone(images):
    """Exactly so where no cell sees past the picture's edge; a ResNet's cells see some of the zeros there."""
    network = made()
    network.backbone = nn.Sequential(Patches())
    small = images[1, :, :32, :64]
    beside = network([images[0], small])
    close({key: said[1:] for key, said in beside.items()}, network([small]))


@torch.no_grad()
def test_queries_in_another_order_are_answered_in_that_order(images):
    network, order = made(), torch.tensor([4, 1, 5, 0, 3, 2])
    wanted = {key: said[:, order] for key, said in network(images).items()}
    network.query_embed.weight.copy_(network.query_embed.weight[order])
    close(network(images), wanted)


@torch.no_grad()
def test_auxiliary_outputs_are_the_earlier_layers(network, images):
    said = made(auxiliary=True)(images)
    close(said, network(images))
    (first,) = said["aux_outputs"]
    shorter = made()
    shorter.transformer.decoder.layers = shorter.transformer.decoder.layers[:1]
    close(first, shorter(images))


@torch.no_grad()
def test_maps_of_attention_change_nothing(network, images, outside):
    fused = network(images, outside)
    with attention_maps(network) as maps:
        close(network(images, outside), fused)
    assert maps["transformer.decoder.layers.1.multihead_attn"].shape == (2, 4, 6, 2 * 3)


@torch.no_grad()
def test_memory_format_changes_nothing(network, images):
    close(network(images.contiguous(memory_format=torch.channels_last)), network(images))


@torch.no_grad()
def test_the_norm_is_torchvisions(images):
    theirs, ours = FrozenBatchNorm2d(3), FixedNorm(3)
    for buffer in theirs.buffers():
        buffer.uniform_(0.5, 1.5)
    ours.load_state_dict(theirs.state_dict())
    torch.testing.assert_close(ours(images), theirs(images), rtol=1e-5, atol=1e-5)
    assert list(ours.parameters()) == []


@torch.no_grad()
def test_without_weights_features_fit_into_half_precision(images):
    deepest = FixedResNet(101).eval()(images)[-1]
    assert 0 < deepest.std() < deepest.max() < 1000


def test_gradients_reach_all_but_the_stem_and_the_first_stage(network, images):
    said = network(images)
    (said["pred_logits"].square().mean() + said["pred_boxes"].square().mean()).backward()
    fixed = {name for name, p in network.named_parameters() if not p.requires_grad}
    still = {name for name, p in network.named_parameters() if p.requires_grad and not p.grad.any()}
    network.zero_grad()
    # The first layer's queries see only one another, and all are still zero.
    assert still <= {"transformer.decoder.layers.0.self_attn.in_proj_weight"}
    assert {name.split(".")[3] for name in fixed} == {"conv1", "layer1"}
    assert sum(network.get_parameter(name).numel() for name in fixed) == 222_400


@torch.no_grad()
def test_weights_come_back(network, images):
    with torch.device("meta"):
        empty = DETR(50, **SMALL)
    empty.load_state_dict(network.state_dict(), assign=True)
    assert all(torch.equal(empty.eval()(images)[key], said) for key, said in network(images).items())


def test_other_depths_are_refused():
    with pytest.raises(ConfigError, match="ResNet-18"):
        DETR(18)
