"""MHSA: both kinds of positions against the formula, cell by cell; the fused way; tables stretched."""

import pytest
import torch

from posebeam.models.networks.mhsa import MHSA, POSITIONS, stretch
from posebeam.transforms.errors import ConfigError


@pytest.fixture(scope="module", params=POSITIONS)
def position(request) -> str:
    """The published positions, and BoTNet's."""
    return request.param


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
