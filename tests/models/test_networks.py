"""What every network of the table owes its users; facts of a row are counted, not quoted."""

import pytest
import torch

from posebeam.models import registry
from posebeam.models.cost import macs

NAMES = [row.name for row in registry.rows()]
DEPENDS = {"fasterrcnn-resnet50"}  # its work depends on what it sees: it is counted on numbers, for half a minute


@pytest.fixture(scope="module", params=NAMES)
def unmade(request) -> torch.nn.Module:
    """A row's network on the device meta: shapes, and no numbers."""
    with torch.device("meta"):
        return registry.build_network(request.param)


def row_of(request) -> registry.Row:
    return registry.row(request.node.callspec.params["unmade"])


def test_parameters_and_multiply_adds_are_those_of_the_row(unmade, request):
    row = row_of(request)
    assert sum(p.numel() for p in unmade.parameters()) == row.parameters
    if row.name not in DEPENDS:
        assert macs(unmade, row.input) == row.macs
    elif request.config.getoption("--soak"):
        assert macs(registry.build_network(row.name), row.input) == row.macs


def test_multiply_adds_are_counted_right():
    """A convolution, and a linear layer over its 6 cells, by hand."""

    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.linear = torch.nn.Conv2d(3, 4, 3, groups=1), torch.nn.Linear(6, 5)

        def forward(self, x):
            return self.linear(self.conv(x).flatten(2))

    assert macs(Net(), (4, 5)) == 4 * 3 * 9 * 6 + 4 * 6 * 5


def test_attention_is_counted():
    attention = torch.nn.MultiheadAttention(8, 2, batch_first=True)

    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.attention = attention

        def forward(self, x):
            tokens = x.flatten(2).transpose(1, 2).repeat(1, 1, 3)[..., :8]  # [1, 20, 8]
            return self.attention(tokens, tokens, tokens, need_weights=False)[0]

    products = 2 * 20 * 20 * 8  # queries with keys, maps with values
    assert macs(Net(), (4, 5)) == 4 * 20 * 8 * 8 + products


@pytest.mark.parametrize("name", [row.name for row in registry.rows() if row.name.startswith("btranspose")])
def test_relative_positions_are_an_option(name):
    with torch.device("meta"):
        relative = registry.build_network(name, position="relative")
    out = relative(torch.zeros(1, 3, 256, 192, device="meta"))
    assert out.shape == (1, 17, 64, 48)


def test_published_figures_say_what_their_boxes_were():
    for row in registry.rows():
        for each in row.published:
            assert each.source.startswith("https://"), row.name
            assert each.boxes == "none" or row.view == "top-down", row.name
