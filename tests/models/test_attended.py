"""Attended: layers of attention by short names, and what is said of those that are not there."""

import pytest
from torch import nn

from posebeam.models.attended import attended, chosen
from posebeam.models.networks.btranspose import BTranspose
from posebeam.models.networks.prtr import PRTR
from posebeam.models.networks.transpose import TransPoseR
from posebeam.transforms.errors import ConfigError

TRUNK = "model_alpha"


@pytest.fixture(scope="module")
def networks() -> dict[str, nn.Module]:
    """One of each family, small."""
    return {
        "transpose": TransPoseR(3, width=16, heads=2, feedforward=16),
        "btranspose": BTranspose((8, 8, 16), 1, 4, 2, image=(32, 48)),
        "prtr": PRTR(layers=2, width=16, heads=2, feedforward=16, queries=20),
    }


def test_layers_are_those_of_the_encoder_over_cells_or_of_the_decoder_of_queries(networks):
    assert dict(attended(networks["transpose"])) == {
        f"{i}": f"global_encoder.layers.{i}.self_attn" for i in range(3)
    }
    assert dict(attended(networks["btranspose"])) == {
        "mhsa": f"{TRUNK}.layer3.5.conv2.0",  # the last block
        "0": f"{TRUNK}.global_encoder.layers.0.self_attn",
        "1": f"{TRUNK}.global_encoder.layers.1.self_attn",
    }
    decoder = {f"{i}": f"transformer.decoder.layers.{i}.multihead_attn" for i in range(2)}
    assert dict(attended(networks["prtr"])) == decoder
    assert not attended(nn.Conv2d(1, 1, 1))


@pytest.mark.parametrize(
    ("family", "names", "expected"),
    [
        ("transpose", (), ["0", "1", "2"]),
        ("transpose", ("last", "0"), ["0", "2"]),
        ("transpose", ("mhsa", "last"), ["2"]),  # one choice for several networks
        ("btranspose", ("last", "mhsa"), ["mhsa", "1"]),
        ("prtr", ("last", "1"), ["1"]),
    ],
)
def test_a_choice_keeps_the_order_of_computation(networks, family, names, expected):
    assert list(chosen(networks[family], names)) == expected


@pytest.mark.parametrize("names", [("3",), ("0", "first"), ("mhsa",)])
def test_a_layer_that_is_not_there_is_an_error(networks, names):
    with pytest.raises(ConfigError, match="TransPoseR; it has 0, 1, 2, last"):
        chosen(networks["transpose"], names)
