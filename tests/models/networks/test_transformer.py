"""Transformer: torch's own layers as the measure, order of queries and cells, padding, maps, gradients."""

import pytest
import torch
from torch import nn

from posebeam.models.attention import attention_maps
from posebeam.models.networks.sine import sine
from posebeam.models.networks.transformer import DecoderLayer, Transformer

WIDTH, HEADS, FEEDFORWARD = 32, 4, 48
B, N, Q = 2, 12, 5


@pytest.fixture(scope="module")
def transformer() -> Transformer:
    """Two layers each, with uneven norms and attention that chooses."""
    torch.manual_seed(1)
    made = Transformer(WIDTH, HEADS, layers=2, feedforward=FEEDFORWARD)
    with torch.no_grad():
        for name, parameter in made.named_parameters():
            if "norm" in name or name.endswith("bias"):
                parameter.add_(0.2 * torch.randn_like(parameter))
            if name.endswith("in_proj_weight"):
                parameter.mul_(2)
    return made.eval()


@pytest.fixture
def seen() -> dict[str, torch.Tensor]:
    """Tokens [B, N, WIDTH], where they are, and what is asked, [Q, WIDTH]."""
    torch.manual_seed(2)
    return {
        "x": torch.randn(B, N, WIDTH),
        "position": torch.randn(1, N, WIDTH),
        "queries": torch.randn(Q, WIDTH),
    }


@pytest.fixture
def outside() -> torch.Tensor:
    """The first image ends after 7 tokens."""
    return torch.arange(N) >= torch.tensor([[7], [N]])


def close(got, wanted):
    torch.testing.assert_close(got, wanted, rtol=0, atol=1e-5 * wanted.abs().max().item())


def far(got, other):
    assert (got - other).abs().max() > 1e-2 * other.abs().max()


@torch.no_grad()
def test_without_positions_a_decoder_layer_is_torchs_own(seen):
    ours = DecoderLayer(WIDTH, HEADS, FEEDFORWARD, dropout=0.1).eval()
    torchs = nn.TransformerDecoderLayer(WIDTH, HEADS, FEEDFORWARD, batch_first=True).eval()
    torchs.load_state_dict(ours.state_dict())
    x, memory = torch.randn(B, Q, WIDTH), seen["x"]
    close(ours(x, torch.zeros(1, Q, WIDTH), memory, memory), torchs(x, memory))


@torch.no_grad()
def test_positions_say_where_to_look_and_not_what_is_seen(seen):
    """Without queries' and keys' weights all cells count alike, wherever they are."""
    layer = DecoderLayer(WIDTH, HEADS, FEEDFORWARD, dropout=0.0).eval()
    x, memory = torch.randn(B, Q, WIDTH), seen["x"]
    queries, where = torch.randn(1, Q, WIDTH), memory + seen["position"]
    far(layer(x, queries, memory, where), layer(x, 0 * queries, memory, memory))
    for attention in (layer.self_attn, layer.multihead_attn):
        attention.in_proj_weight[: 2 * WIDTH] = 0
    close(layer(x, queries, memory, where), layer(x, 0 * queries, memory, memory))


@torch.no_grad()
def test_queries_in_another_order_are_answered_in_that_order(transformer, seen):
    order = torch.tensor([3, 0, 4, 1, 2])
    wanted = transformer(**seen)[:, :, order]
    close(transformer(**{**seen, "queries": seen["queries"][order]}), wanted)


@torch.no_grad()
def test_cells_are_told_apart_by_their_positions_alone(transformer, seen):
    order, wanted = torch.randperm(N), transformer(**seen)
    moved = {**seen, "x": seen["x"][:, order]}
    far(transformer(**moved), wanted)
    close(transformer(**{**moved, "position": seen["position"][:, order]}), wanted)


@torch.no_grad()
def test_padding_has_no_influence(transformer, seen, outside):
    wanted = transformer(**seen, outside=outside)
    garbage = torch.where(outside[..., None], 1e3 * torch.randn(B, N, WIDTH), seen["x"])
    close(transformer(**{**seen, "x": garbage}, outside=outside), wanted)
    alone = transformer(seen["x"][:1, :7], seen["position"][:, :7], seen["queries"])
    close(alone, wanted[:, :1])
    far(transformer(**seen)[:, 0], wanted[:, 0])


@torch.no_grad()
def test_an_image_does_not_depend_on_its_batch(transformer, seen, outside):
    together = transformer(**seen, outside=outside)
    assert together.shape == (2, B, Q, WIDTH)
    assert torch.equal(transformer(**seen, outside=outside), together)
    alone = [
        transformer(**{**seen, "x": x[None]}, outside=out[None]) for x, out in zip(seen["x"], outside, strict=True)
    ]
    close(torch.cat(alone, 1), together)


@torch.no_grad()
def test_a_map_is_read_row_by_row_with_its_sine_positions(transformer, seen):
    grid, queries = torch.randn(B, WIDTH, 3, 4), seen["queries"]
    tokens = torch.stack([grid[:, :, y, x] for y in range(3) for x in range(4)], 1)
    position = sine(torch.ones((1, 3, 4), dtype=torch.bool), WIDTH).reshape(1, 12, WIDTH)
    wanted = transformer(tokens, position, queries)
    close(transformer.over_map(grid, queries), wanted)
    far(transformer.over_map(grid.mT, queries), wanted)


@torch.no_grad()
def test_a_cell_is_padding_where_its_first_pixel_is(transformer, seen):
    grid, queries = torch.randn(1, WIDTH, 3, 4), seen["queries"]
    outside = torch.ones((1, 96, 128), dtype=torch.bool)
    outside[:, :33, :90] = False  # 2 cells high, 3 wide
    close(transformer.over_map(grid, queries, outside), transformer.over_map(grid[:, :, :2, :3], queries))


@torch.no_grad()
def test_attention_that_shows_its_maps_equals_the_fused_one(transformer, seen, outside):
    fused = transformer(**seen, outside=outside)
    with attention_maps(transformer) as maps:
        close(transformer(**seen, outside=outside), fused)
    assert len(maps) == 2 + 2 * 2
    cross = maps["decoder.layers.1.multihead_attn"]
    assert cross.shape == (B, HEADS, Q, N)
    assert not cross[0, :, :, 7:].any()
    close(cross.sum(-1), torch.ones(B, HEADS, Q))


def test_gradients_reach_every_parameter(transformer, seen):
    transformer(**seen)[-1].square().mean().backward()
    reached = {name: p.grad.abs().max().item() for name, p in transformer.named_parameters()}
    transformer.zero_grad()
    still = [name for name, most in reached.items() if most < 1e-6 * max(reached.values())]
    # The first layer's queries see only one another, and all are still zero.
    assert still == ["decoder.layers.0.self_attn.in_proj_weight"]
