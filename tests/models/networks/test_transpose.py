"""TransPose: where positions go, heads, gradients, batches, export."""

from copy import deepcopy
from functools import partial

import numpy as np
import onnxruntime
import pytest
import torch
from torch import nn

from posebeam.models.networks.transpose import TransPoseH, TransPoseR
from posebeam.transforms.errors import ConfigError

IMAGE = (64, 96)  # wider than high: swapped axes show
SMALL = {  # and the cells of each
    "R": (partial(TransPoseR, layers=2, width=32, heads=4, feedforward=16, image=IMAGE), (8, 12)),
    "H": (partial(TransPoseH, d_model=32, feedforward=16, layers=2, image=IMAGE), (16, 24)),
}


def sharp(kind: str) -> nn.Module:
    """In evaluation, with uneven norms and attention that is not uniform: where fresh ones hide mistakes."""
    torch.manual_seed(1)
    network = SMALL[kind][0]()
    for part in network.modules():
        if isinstance(part, nn.BatchNorm2d):
            nn.init.uniform_(part.weight, 0.5, 1.5)
            part.running_mean.normal_(std=0.1)
            part.running_var.uniform_(0.5, 1.5)
        if isinstance(part, nn.MultiheadAttention):
            nn.init.normal_(part.in_proj_weight, std=2 * part.embed_dim**-0.5)
            nn.init.normal_(part.in_proj_bias, std=0.5)
    return network.eval()


@pytest.fixture(scope="module", params=SMALL)
def kind(request) -> str:
    """Both trunks."""
    return request.param


@pytest.fixture(scope="module")
def network(kind) -> nn.Module:
    """In double precision: sharp attention magnifies single precision's rounding to the size of mistakes."""
    return sharp(kind).double()


@pytest.fixture
def images() -> torch.Tensor:
    """[2, 3, 64, 96], normalised, in double precision."""
    return torch.randn(2, 3, *IMAGE, generator=torch.Generator().manual_seed(2)).double()


def distance(one: torch.Tensor, other: torch.Tensor) -> float:
    """Relative to the largest value."""
    return ((one - other).abs().max() / other.abs().max()).item()


@torch.no_grad()
def test_an_image_does_not_depend_on_its_batch_nor_on_the_call(network, images):
    together = network(images)
    assert together.shape == (2, 17, 16, 24)
    assert torch.equal(network(images), together)
    assert distance(torch.cat([network(image[None]) for image in images]), together) < 1e-12
    assert distance(together[0], together[1]) > 1e-2


def test_positions_tell_rows_in_their_first_half_and_columns_in_their_second(kind, network):
    rows, columns = SMALL[kind][1]
    table = network.pos_embedding.view(rows, columns, 2, -1)
    for y in range(rows):
        assert torch.equal(table[y, :, 0], table[y, :1, 0].expand(columns, -1))
    for x in range(columns):
        assert torch.equal(table[:, x, 1], table[:1, x, 1].expand(rows, -1))
    assert not torch.allclose(table[0, :, 0], table[1, :, 0])
    assert not torch.allclose(table[:, 0, 1], table[:, 1, 1])


def test_positions_are_the_published_waves(kind, network):
    """Cell y of h, channel 2c: sin(2 pi (y + 1) / h / 10000^(2c / (d / 2))); 2c + 1: its cosine."""
    (rows, columns), table = SMALL[kind][1], network.pos_embedding.detach()[:, 0].numpy()
    y, x, half = 2, 5, table.shape[1] // 2
    for channel in range(half):
        wave = np.sin if channel % 2 == 0 else np.cos
        slower = 10_000 ** (2 * (channel // 2) / half)
        cell = table[y * columns + x]
        assert cell[channel] == pytest.approx(wave(2 * np.pi * (y + 1) / rows / slower), abs=1e-5)
        assert cell[half + channel] == pytest.approx(wave(2 * np.pi * (x + 1) / columns / slower), abs=1e-5)


@torch.no_grad()
def test_a_position_matters_in_every_layer(network, images):
    before = network(images)
    for layer in network.global_encoder.layers:
        told = layer.forward
        layer.forward = lambda x, position, outside, told=told: told(x, None, outside)
        try:
            assert distance(network(images), before) > 1e-4
        finally:
            del layer.forward


@torch.no_grad()
def test_heads_are_not_swapped(network, images):
    """All parts of two heads swapped: the same function. Only their values: another."""
    attention = network.global_encoder.layers[0].self_attn
    if attention.num_heads == 1:
        pytest.skip("one head")
    before = network(images)
    saved = {name: value.clone() for name, value in attention.state_dict().items()}
    order = torch.arange(attention.embed_dim).view(attention.num_heads, -1)
    order = order[[1, 0, *range(2, attention.num_heads)]].flatten()
    values = torch.cat([torch.arange(2 * len(order)), 2 * len(order) + order])
    every = torch.cat([i * len(order) + order for i in range(3)])
    try:
        for rows, like in ((values, False), (every, True)):
            attention.in_proj_weight.copy_(saved["in_proj_weight"][rows])
            attention.in_proj_bias.copy_(saved["in_proj_bias"][rows])
            attention.out_proj.weight.copy_(
                saved["out_proj.weight"][:, order] if like else saved["out_proj.weight"]
            )
            assert (distance(network(images), before) < 1e-12) is like
    finally:
        attention.load_state_dict(saved)


def test_gradients_reach_every_parameter_that_is_trained(kind, images):
    network = SMALL[kind][0](joints=3).double().train()
    network(images).square().sum().backward()
    for name, parameter in network.named_parameters():
        if name == "pos_embedding":
            assert not parameter.requires_grad
        else:
            assert parameter.grad is not None, name
            assert parameter.grad.abs().sum() > 0, name


@torch.no_grad()
def test_weights_survive_their_names(kind, network, images):
    other = SMALL[kind][0]().double().eval()
    other.load_state_dict(network.state_dict(), strict=True)
    assert torch.equal(other(images), network(images))
    assert next(iter(network.state_dict())) == "pos_embedding"


def test_pictures_of_another_shape_are_refused(network):
    """Also where the number of cells is the same: turned on its side, every position would be wrong."""
    for size in ((96, 64), (64, 64)):
        with pytest.raises(ConfigError, match="64 x 96"):
            network(torch.zeros(1, 3, *size).double())
    for network in (TransPoseR, TransPoseH):
        with pytest.raises(ConfigError, match="multiples of 16"):
            network(image=(250, 192))


@torch.no_grad()
def test_onnx_takes_any_batch(tmp_path):
    """Which knows convolutions in single precision only: within ten times what that itself is off by."""
    network, path = sharp("R"), tmp_path / "network.onnx"
    exact, batch = deepcopy(network).double(), torch.export.Dim("batch", min=1, max=64)
    example = torch.randn(2, 3, *IMAGE)
    torch.onnx.export(network, (example,), path, dynamo=True, dynamic_shapes={"images": {0: batch}}, verbose=False)
    session = onnxruntime.InferenceSession(path)
    for size in (1, 2, 5):
        some = torch.randn(size, 3, *IMAGE)
        (got,) = session.run(None, {session.get_inputs()[0].name: some.numpy()})
        expected = exact(some.double())
        noise = distance(network(some).double(), expected)
        assert noise < 1e-4
        assert distance(torch.from_numpy(got).double(), expected) < max(1e-5, 10 * noise)
