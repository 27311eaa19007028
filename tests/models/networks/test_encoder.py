"""Encoder: a layer against its formula, padding, cells and tokens."""

import torch
from torch import nn

from posebeam.models.attention import attention_maps
from posebeam.models.networks.encoder import Encoder, EncoderLayer


def sharp(kind: type[nn.Module], *numbers: float) -> nn.Module:
    """In evaluation and double precision, with attention that is not uniform: where fresh ones hide mistakes."""
    torch.manual_seed(1)
    network = kind(*numbers)
    for part in network.modules():
        if isinstance(part, nn.MultiheadAttention):
            nn.init.normal_(part.in_proj_weight, std=2 * part.embed_dim**-0.5)
            nn.init.normal_(part.in_proj_bias, std=0.5)
        if isinstance(part, nn.LayerNorm):
            nn.init.uniform_(part.weight, 0.5, 1.5)
    return network.double().eval()


def distance(one: torch.Tensor, other: torch.Tensor) -> float:
    """Relative to the largest value."""
    return ((one - other).abs().max() / other.abs().max()).item()


@torch.no_grad()
def test_a_layer_is_the_formula():
    """q and k of x + position, v of x, energies divided by the root of a head's width; each head on its own."""
    layer = sharp(EncoderLayer, 12, 3, 20, 0.5)
    x, position = torch.randn(2, 7, 12).double(), torch.randn(1, 7, 12).double()
    state = layer.self_attn.state_dict()
    w, b = state["in_proj_weight"].split(12), state["in_proj_bias"].split(12)
    q, k, v = (y @ w[i].T + b[i] for i, y in enumerate((x + position, x + position, x)))
    heads = [slice(4 * i, 4 * i + 4) for i in range(3)]
    maps = [(q[..., h] @ k[..., h].mT / 2).softmax(-1) for h in heads]
    seen = torch.cat([m @ v[..., h] for m, h in zip(maps, heads, strict=True)], -1)
    y = layer.norm1(x + layer.self_attn.out_proj(seen))
    expected = layer.norm2(y + layer.linear2(layer.linear1(y).relu()))
    assert distance(layer(x, position), expected) < 1e-12
    with attention_maps(layer) as found:
        assert distance(layer(x, position), expected) < 1e-12
    assert distance(found["self_attn"], torch.stack(maps, 1)) < 1e-12


@torch.no_grad()
def test_a_padded_token_gives_nothing_to_the_others():
    encoder = sharp(Encoder, 2, 12, 3, 20, 0.0)
    x, position = torch.randn(2, 7, 12).double(), torch.randn(1, 7, 12).double()
    outside = torch.zeros(2, 7, dtype=torch.bool)
    outside[1, 4:] = True
    other = torch.where(outside[..., None], torch.randn(2, 7, 12).double(), x)
    inside = ~outside
    assert torch.equal(encoder(other, position, outside)[inside], encoder(x, position, outside)[inside])
    assert distance(encoder(x, position, outside)[1, :4], encoder(x[1:, :4], position[:, :4])[0]) < 1e-12
    assert distance(encoder(other, position)[inside], encoder(x, position)[inside]) > 1e-3


def test_cells_come_back_where_they_were():
    x = torch.randn(2, 12, 3, 5)
    assert torch.equal(Encoder(0, 12, 3, 20, 0.0).over_map(x, torch.zeros(1, 15, 12)), x)
