"""Rows with numbers of one's own: costs counted again, positions for the input, nothing that the network lacks."""

import pytest

from posebeam.models.registry import row
from posebeam.transforms.errors import ConfigError
from posebeam.workflows.pose.row import read_size, trained_row


@pytest.mark.parametrize("name", ["simple-baseline-r50", "transpose-r-a4", "btranspose-c2a1-4", "prtr-r50-384"])
def test_its_own_numbers_give_the_tables_costs(name):
    facts = row(name)
    again = trained_row(facts, facts.input, {})
    assert (again.parameters, again.macs) == (facts.parameters, facts.macs)
    assert again.published == ()
    assert again.weights is None


def test_a_smaller_network_costs_less_and_knows_its_input():
    small = trained_row(row("btranspose-c2a1-4"), (128, 96), {"layers": 1, "widths": [16, 32, 32]})
    assert small.arguments == {
        "widths": [16, 32, 32], "attention_groups": 1, "heads": 4, "layers": 1, "image": [128, 96],
    }  # fmt: skip
    assert small.input == (128, 96)
    assert small.parameters < row("btranspose-c2a1-4").parameters / 3
    assert small.macs < row("btranspose-c2a1-4").macs / 8
    assert "image" not in trained_row(row("hrnet-w32"), (128, 96), {}).arguments


def test_without_numbers_it_is_the_row():
    assert trained_row(row("hrnet-w32"), None, {}) is row("hrnet-w32")


def test_what_a_network_does_not_take_is_named():
    with pytest.raises(ConfigError, match="transpose-r-a4 has no queries; it takes layers, width"):
        trained_row(row("transpose-r-a4"), None, {"queries": 3})
    with pytest.raises(ConfigError, match="input 100x96: expected multiples of 32"):
        trained_row(row("transpose-r-a4"), (100, 96), {})


def test_sizes_are_read():
    assert read_size("") is None
    assert read_size("128x96") == (128, 96)
    for wrong in ("128", "128x", "axb", "128X96", "-1x2"):
        with pytest.raises(ConfigError, match="expected HEIGHTxWIDTH"):
            read_size(wrong)
