"""Sine: the formula cell by cell, axes, padding."""

import math

import numpy as np
import pytest
import torch

from posebeam.models.networks.sine import sine, sine_table

H, W, WIDTH = 5, 7, 24


def whole(h: int = H, w: int = W) -> torch.Tensor:
    return torch.ones((1, h, w), dtype=torch.bool)


def test_each_cell_is_what_the_papers_say():
    """arXiv 1706.03762, section 3.5, of positions that run to 2 pi; rows in the first half of the channels."""
    got, half = sine(whole(), WIDTH)[0].numpy(), WIDTH // 2
    for channel in range(WIDTH):
        wavelength = 10_000 ** (2 * (channel % half // 2) / half)
        wave = np.cos if channel % 2 else np.sin
        for y, x in np.ndindex(H, W):
            turn = (y + 1) / H if channel < half else (x + 1) / W
            assert got[y, x, channel] == pytest.approx(wave(2 * math.pi * turn / wavelength), abs=1e-5)


def test_rows_and_columns_are_not_swapped():
    rows, columns = sine(whole(), WIDTH)[0].split(WIDTH // 2, -1)
    assert torch.equal(rows, rows[:, :1].expand(-1, W, -1))
    assert torch.equal(columns, columns[:1].expand(H, -1, -1))
    assert not torch.allclose(rows[0], rows[1], atol=1e-2)
    assert not torch.allclose(columns[:, 0], columns[:, 1], atol=1e-2)


def test_the_last_row_and_column_are_two_pi():
    last = sine(whole(), WIDTH)[0, -1, -1]
    for axis in last.split(WIDTH // 2):
        longest = 10_000 ** (2 * (WIDTH // 4 - 1) / (WIDTH // 2))
        assert math.asin(axis[-2]) * longest == pytest.approx(2 * math.pi, rel=1e-4)


def test_inside_its_padding_a_picture_has_the_positions_that_it_has_alone():
    inside = torch.zeros((2, H, W), dtype=torch.bool)
    inside[0, :3, :4] = inside[1] = True
    both = sine(inside, WIDTH)
    torch.testing.assert_close(both[0, :3, :4], sine(whole(3, 4), WIDTH)[0])
    torch.testing.assert_close(both[1], sine(whole(), WIDTH)[0])


def test_the_table_goes_row_by_row():
    assert torch.equal(sine_table((H, W), WIDTH), sine(whole(), WIDTH).reshape(H * W, WIDTH))
