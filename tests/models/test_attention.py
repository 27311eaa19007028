"""Attention maps: there while somebody looks, each under its module's path, and only then."""

import pytest
import torch

from posebeam.models.attention import attention_maps
from posebeam.models.networks.btranspose import BTranspose
from posebeam.transforms.errors import ConfigError


@pytest.fixture(scope="module")
def network() -> BTranspose:
    """Six blocks of MHSA with 4 heads, two layers with 8, over 4 x 6 cells."""
    torch.manual_seed(1)
    return BTranspose((8, 8, 16), 1, 4, 2, image=(32, 48)).eval()


@pytest.fixture
def images() -> torch.Tensor:
    """[2, 3, 32, 48]."""
    return torch.randn(2, 3, 32, 48, generator=torch.Generator().manual_seed(2))


@torch.no_grad()
def test_every_attention_shows_its_map_a_head(network, images):
    plain = network(images)
    with attention_maps(network) as maps:
        assert maps == {}
        looked = network(images)
    torch.testing.assert_close(looked, plain, rtol=0, atol=1e-5 * plain.abs().max().item())
    blocks = {f"model_alpha.layer3.{i}.conv2.0": (2, 4, 24, 24) for i in range(6)}
    layers = {f"model_alpha.global_encoder.layers.{i}.self_attn": (2, 8, 24, 24) for i in range(2)}
    assert {path: tuple(found.shape) for path, found in maps.items()} == blocks | layers
    for found in maps.values():
        torch.testing.assert_close(found.sum(-1), torch.ones(found.shape[:3]))
        assert found.std(-1).min() > 0


@torch.no_grad()
def test_nothing_is_left_when_nobody_looks_any_more(network, images):
    """Nor after a forward that failed: here pictures of a wrong size."""
    with attention_maps(network) as maps:
        network(images)
    assert len(maps) == 8
    with pytest.raises(ConfigError), attention_maps(network):
        network(images[..., :16])
    before = dict(maps)
    network(torch.zeros_like(images))
    assert all(maps[path] is found for path, found in before.items())
    assert not any(part._forward_hooks or part._forward_pre_hooks for part in network.modules())


def test_maps_hold_no_graph(network, images):
    """They are looked at, not trained on; the outputs keep theirs."""
    with attention_maps(network) as maps:
        out = network(images)
    assert out.requires_grad
    assert not any(found.requires_grad for found in maps.values())
