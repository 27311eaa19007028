"""BTranspose and its attention: both kinds of positions against the formula, stretching, gradients, batches."""

from contextlib import ExitStack
from copy import deepcopy

import pytest
import torch
from torch import nn

from posebeam.models.networks.btranspose import BTranspose, BTransposeTrunk
from posebeam.models.networks.mhsa import MHSA, POSITIONS, stretch
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


@pytest.fixture
def attention(position) -> MHSA:
    """Two heads of 3 channels over 2 rows and 3 columns."""
    torch.manual_seed(3)
    return MHSA(6, 2, (2, 3), position)


@pytest.fixture
def x() -> torch.Tensor:
    """[2, 6, 2, 3]."""
    return 2 * torch.randn(2, 6, 2, 3, generator=torch.Generator().manual_seed(4))


def distance(one: torch.Tensor, other: torch.Tensor) -> float:
    """Relative to the largest value."""
    return ((one - other).abs().max() / other.abs().max()).item()


def place(attention: MHSA, head: int, q: torch.Tensor, i: int, j: int) -> torch.Tensor:
    """The positions' part of one energy, q [dh, hw] of one head: what the class says, cell by cell."""
    columns = attention.size[1]
    (y, x), (v, u) = divmod(i, columns), divmod(j, columns)
    if attention.position == "factored":
        return (attention.rel_h[0, head, :, 0, x] + attention.rel_w[0, head, :, y, 0]) @ q[:, j]
    steps = attention.rel_h[v - y + attention.size[0] - 1] + attention.rel_w[u - x + columns - 1]
    return steps @ q[:, i] / len(q) ** 0.5


@torch.no_grad()
def test_attention_is_the_formula(position, attention, x):
    """Energy by energy; published: queries not scaled, BoTNet: divided by the root of a head's width."""
    out, maps = attention(x, need_weights=True, average_attn_weights=False)
    assert maps.shape == (2, 2, 6, 6)
    scale = 1 if position == "factored" else 3**-0.5
    for b in range(2):
        for head in range(2):
            own = slice(3 * head, 3 * head + 3)
            parts = (attention.query, attention.key, attention.value)
            q, k, v = (part(x)[b, own].flatten(1) for part in parts)
            energy = torch.stack(
                [
                    torch.stack([scale * q[:, i] @ k[:, j] + place(attention, head, q, i, j) for j in range(6)])
                    for i in range(6)
                ]
            )
            torch.testing.assert_close(maps[b, head], energy.softmax(-1))
            torch.testing.assert_close(out[b, own].flatten(1), v @ energy.softmax(-1).T)


def test_fused_attention_is_the_same_to_the_gradient(attention, x):
    fused, nothing = attention(x)
    assert nothing is None
    looked, maps = attention(x, need_weights=True, average_attn_weights=False)
    assert distance(fused, looked) < 1e-5
    assert torch.equal(attention(x, need_weights=True)[1], maps.mean(1))
    towards = torch.randn(x.shape)
    one, other = (torch.autograd.grad((y * towards).sum(), list(attention.parameters())) for y in (fused, looked))
    for a, b in zip(one, other, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_only_steps_count_where_positions_are_relative():
    """Where all cells look alike, what a step away weighs against staying is the same from everywhere."""
    torch.manual_seed(3)
    attention = MHSA(6, 2, (4, 5), "relative")
    _, maps = attention(torch.ones(1, 6, 4, 5), need_weights=True, average_attn_weights=False)
    grid = maps[0].log().view(2, 4, 5, 4, 5)

    def step(y: int, x: int, down: int, right: int) -> torch.Tensor:
        return grid[:, y, x, y + down, x + right] - grid[:, y, x, y, x]

    for down, right in ((1, 2), (2, 1), (-1, 1)):
        starts = [(y, x) for y in range(4) for x in range(5) if 0 <= y + down < 4 and x + right < 5]
        for y, x in starts[1:]:
            torch.testing.assert_close(step(y, x, down, right), step(*starts[0], down, right))
    assert not torch.allclose(step(1, 1, 1, 2), step(1, 1, 2, 1), atol=1e-3)


@torch.no_grad()
def test_an_image_does_not_depend_on_its_batch_nor_on_the_call(network, images):
    together = network(images)
    assert together.shape == (2, 17, 8, 12)
    assert torch.equal(network(images), together)
    assert distance(torch.cat([network(image[None]) for image in images]), together) < 1e-5
    assert distance(together[0], together[1]) > 1e-2


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


def test_a_stretched_table_keeps_its_picture():
    """Its middle, its order, and a slope's slope; rows and columns are not swapped."""
    rows = torch.arange(9.0).view(1, 1, 9, 1).expand(1, 2, 9, 5)
    assert stretch(rows, (9, 5)) is rows
    stretched = stretch(rows, (5, 7))
    assert stretched.shape == (1, 2, 5, 7)
    assert torch.allclose(stretched, stretched[..., :1].expand(1, 2, 5, 7))
    assert (stretched.diff(dim=2) > 1).all()
    assert stretched[0, 0, 2, 0].item() == pytest.approx(4)


@torch.no_grad()
def test_the_middle_of_relative_positions_is_no_step_at_any_size(x):
    attention = MHSA(6, 2, (4, 5), "relative", interpolate=True)
    for table, count in ((attention.rel_h, 4), (attention.rel_w, 5)):
        table.copy_(torch.arange(1.0 - count, count)[:, None].expand_as(table))
    q = torch.ones(1, 2, 6, 3)
    energy = attention._relative(q, (2, 3))[0, 0]
    torch.testing.assert_close(energy.diagonal(), torch.zeros(6), atol=1e-5, rtol=0)
    torch.testing.assert_close(energy, -energy.T)
    assert energy[0, -1] > 0


def test_numbers_that_do_not_fit_are_refused():
    with pytest.raises(ConfigError, match="heads"):
        MHSA(10, 4, (2, 3))
    with pytest.raises(ConfigError, match="factored"):
        MHSA(8, 4, (2, 3), "sine")
    with pytest.raises(ConfigError, match="first two"):
        BTransposeTrunk(widths=(64, 96, 128), attention_groups=2)
