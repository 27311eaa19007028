"""Dependency areas: rows and columns of attention as pictures. Parity stands in test_parity.py."""

import pytest
import torch

from posebeam.models.dependency import THRESHOLDS, WAYS, areas, cells, enlarged, one_map, shown
from posebeam.transforms.errors import ConfigError

IMAGE, SIZE = (64, 48), (8, 6)  # cells of 8 pixels


@pytest.fixture
def attention() -> torch.Tensor:
    """[4, 48, 48]: rows sum to 1."""
    return torch.randn(4, 48, 48, generator=torch.Generator().manual_seed(0)).mul(3).softmax(-1)


def test_a_joint_lies_in_the_cell_that_its_pixel_is_in():
    points = torch.tensor([[0.0, 0.0], [7.9, 8.0], [47.9, 63.9], [-30.0, 70.0]], dtype=torch.float64)
    assert cells(points, SIZE, IMAGE).tolist() == [0, 6, 47, 42]


@pytest.mark.parametrize("way", WAYS)
def test_an_area_is_brightest_where_attention_goes(way):
    """One cell looks at one other only: each is the other's area, by its own way."""
    attention = torch.zeros(48, 48)
    asks, gives = 2 * 6 + 1, 5 * 6 + 4  # row, column (2, 1) and (5, 4)
    attention[asks, gives] = 1
    at = {"depends-on": (1, 2), "affects": (4, 5)}[way]
    lies = {"depends-on": (4, 5), "affects": (1, 2)}[way]
    point = torch.tensor([at]) * 8 + 4.0
    (area,) = areas(attention, SIZE, point, IMAGE, way)
    assert area.shape == IMAGE
    row, column = divmod(int(area.argmax()), IMAGE[1])
    assert (column // 8, row // 8) == lies
    (other,) = areas(attention, SIZE, point, IMAGE, next(each for each in WAYS if each != way))
    assert not other.any()


def test_what_a_place_depends_on_sums_to_one_a_cell(attention):
    place = torch.tensor([[20.0, 30.0]])
    (area,) = areas(one_map(attention), SIZE, place, IMAGE)
    # Between the middles of cells the sum is kept, but at the edges, which are doubled.
    assert area.mean() * 48 == pytest.approx(1, abs=0.05)


def test_heads_are_averaged_or_taken_one_by_one(attention):
    torch.testing.assert_close(one_map(attention), sum(one_map(attention, head) for head in range(4)) / 4)
    for head in (-1, 4):
        with pytest.raises(ConfigError, match="there are 4"):
            one_map(attention, head)


def test_the_middle_of_an_enlarged_cell_keeps_its_value():
    """Of an odd enlargement: a cell's middle is a pixel's."""
    maps = torch.rand(2, 4, 3, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(enlarged(maps, (20, 15))[:, 2::5, 2::5], maps)


def test_what_does_not_exceed_the_threshold_is_gone():
    area = torch.tensor([[[0.0005, 0.00075, 0.001]]])
    assert shown(area, THRESHOLDS[4]).tolist() == [[[0, 0, pytest.approx(0.001)]]]


def test_an_unknown_way_is_an_error(attention):
    with pytest.raises(ConfigError, match="expected one of depends-on, affects"):
        areas(attention[0], SIZE, torch.zeros(1, 2), IMAGE, "affect")
