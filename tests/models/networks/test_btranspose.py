"""BTranspose: where positions go, other sizes and layouts, gradients, batches, names."""

from contextlib import ExitStack
from copy import deepcopy

import pytest
import torch
from torch import nn

from posebeam.models.networks.btranspose import BTranspose, BTransposeTrunk
from posebeam.models.networks.mhsa import POSITIONS
from posebeam.transforms.errors import ConfigError

IMAGE = (32, 48)  # wider than high: swapped axes show
SMALL = {"widths": (8, 8, 16), "attention_groups": 1, "heads": 4, "layers": 2, "image": IMAGE}


@pytest.fixture(scope="module", params=POSITIONS)
def position(request) -> str:
    """The published positions, and BoTNet's."""
    return request.param


@pytest.fixture(scope="module")
def network(position) -> BTranspose:
    """Small, in evaluation, with uneven norms and attention that is not uniform: fresh ones hide mistakes."""
    torch.manual_seed(1)
    made = BTranspose(**SMALL, position=position)
    for part in made.modules():
        if isinstance(part, nn.BatchNorm2d):
            nn.init.uniform_(part.weight, 0.5, 1.5)
            part.running_mean.normal_(std=0.1)
            part.running_var.uniform_(0.5, 1.5)
        if isinstance(part, nn.MultiheadAttention):
            nn.init.normal_(part.in_proj_weight, std=2 * part.embed_dim**-0.5)
    return made.eval()


@pytest.fixture
def images() -> torch.Tensor:
    """[2, 3, 32, 48], normalised."""
    return torch.randn(2, 3, *IMAGE, generator=torch.Generator().manual_seed(2))


def distance(one: torch.Tensor, other: torch.Tensor) -> float:
    """Relative to the largest value."""
    return ((one - other).abs().max() / other.abs().max()).item()


@torch.no_grad()
def test_an_image_does_not_depend_on_its_batch_nor_on_the_call(network, images):
    together = network(images)
    assert together.shape == (2, 17, 8, 12)
    assert torch.equal(network(images), together)
    assert distance(together[0], together[1]) > 1e-2
    exact, images = deepcopy(network).double(), images.double()  # rounding is no dependence
    assert distance(torch.cat([exact(image[None]) for image in images]), exact(images)) < 1e-12


@torch.no_grad()
def test_a_module_can_be_moved_as_any_other(network, images):
    """channels_last, which is for tensors of four axes; double precision; an empty one filled."""
    moved = deepcopy(network).to(memory_format=torch.channels_last)
    shapes = {name: value.shape for name, value in network.state_dict().items()}
    assert {name: value.shape for name, value in moved.state_dict().items()} == shapes
    assert distance(moved(images.contiguous(memory_format=torch.channels_last)), network(images)) < 1e-5
    assert distance(deepcopy(network).double()(images.double()), network(images).double()) < 1e-5
    empty = deepcopy(network).to("meta").to_empty(device="cpu")
    empty.load_state_dict(network.state_dict())
    assert torch.equal(empty.eval()(images), network(images))


@torch.no_grad()
def test_only_the_first_layer_of_the_encoder_is_told_positions(network, images):
    told = []
    with ExitStack() as hooks:
        for layer in network.model_alpha.global_encoder.layers:
            hook = layer.register_forward_pre_hook(lambda module, given: told.append(given[1] is not None))
            hooks.enter_context(hook)
        network(images)
    assert told == [True, False]


def test_gradients_reach_every_parameter(network, images):
    """A bias of all keys alike moves no softmax: there a gradient is, but it is rounding."""
    network(images).square().sum().backward()
    for name, parameter in network.named_parameters():
        assert parameter.requires_grad
        assert parameter.grad is not None, name
        assert name.endswith("key.bias") or parameter.grad.abs().max() > 1e-6, name


@torch.no_grad()
def test_weights_survive_their_names_and_the_trunk_stands_alone(position, network, images):
    other = BTranspose(**SMALL, position=position).eval()
    other.load_state_dict(network.state_dict(), strict=True)
    assert torch.equal(other(images), network(images))
    numbers = {**SMALL, "position": position}
    trunk = BTransposeTrunk(**numbers).eval()
    prefix = "model_alpha."
    trunk.load_state_dict(
        {name.removeprefix(prefix): v for name, v in network.state_dict().items() if name.startswith(prefix)}
    )
    assert trunk(images).shape == (2, 256, 4, 6)
    assert torch.equal(network.final_layer(network.deconv_layers(trunk(images))), network(images))


def test_botnets_own_blocks_have_no_biases():
    """10,090,961 as published; 10,064,593 with relative positions and, as there, neither bias."""
    with torch.device("meta"):
        counts = [sum(p.numel() for p in BTranspose(position=kind).parameters()) for kind in POSITIONS]
    assert counts == [10_090_961, 10_064_593]


@torch.no_grad()
def test_pictures_of_another_size_are_refused_or_stretched_to(position, network):
    trunk = BTransposeTrunk(**SMALL, position=position, interpolate=True).eval()
    trunk.load_state_dict(network.model_alpha.state_dict())
    same, other = torch.randn(1, 3, *IMAGE), torch.randn(1, 3, 48, 32)
    with pytest.raises(ConfigError, match="interpolate"):
        network(other)
    assert torch.equal(trunk(same), network.model_alpha(same))
    assert trunk(other).shape == (1, 256, 6, 4)


def test_groups_that_do_not_fit_are_refused():
    with pytest.raises(ConfigError, match="first two"):
        BTransposeTrunk(widths=(64, 96, 128), attention_groups=2)
