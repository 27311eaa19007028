"""What DINO pre-trains: the whole network's trunk by its own names, and one vector a picture."""

from dataclasses import replace

import pytest
import torch

from posebeam.models.networks.mhsa import POSITIONS
from posebeam.models.pooled_trunk import PooledTrunk, whole_names
from posebeam.models.registry import build_network, row, rows
from posebeam.transforms.errors import ConfigError

NAMES = [each.name for each in rows() if each.network == "networks.btranspose:BTranspose"]
SMALL = replace(
    row("btranspose-c2a1-4"), input=(32, 48), arguments={"widths": [8, 8, 16], "layers": 1, "heads": 2}
)


@pytest.mark.parametrize("name", NAMES)
def test_its_tensors_are_the_whole_networks_but_the_head(name):
    with torch.device("meta"):
        whole = build_network(name).state_dict()
        own = whole_names(PooledTrunk(row(name)).trunk).state_dict()
    head = ("deconv_layers.", "final_layer.")
    assert {key: value.shape for key, value in own.items()} == {
        key: value.shape for key, value in whole.items() if not key.startswith(head)
    }


def test_there_are_six_of_them():
    assert len(NAMES) == 6


@torch.no_grad()
def test_a_picture_becomes_the_mean_of_its_cells_or_all_of_them():
    images = torch.randn(2, 3, 32, 48)
    for pool, width in (("mean", 256), ("flattened", 256 * 4 * 6)):
        trunk = PooledTrunk(SMALL, pool).eval()
        maps = trunk.trunk(images)
        assert trunk.width == width
        want = maps.mean((2, 3)) if pool == "mean" else maps.reshape(2, -1)
        assert torch.equal(trunk(images), want)


def test_the_published_head_saw_196608_numbers():
    with torch.device("meta"):
        assert PooledTrunk(row("btranspose-c3a1-4"), "flattened").width == 196_608


@pytest.mark.parametrize("position", POSITIONS)
def test_crops_of_other_sizes_have_a_mean_and_gradients_in_all_positions(position):
    trunk = PooledTrunk(replace(SMALL, arguments={**SMALL.arguments, "position": position}))
    trunk(torch.randn(2, 3, 24, 16)).square().sum().backward()
    tables = [
        trunk.trunk.pos_embedding,
        trunk.trunk.layer3[0].conv2[0].rel_h,
        trunk.trunk.layer3[0].conv2[0].rel_w,
    ]
    assert all(table.grad is not None and table.grad.abs().sum() > 0 for table in tables)
    with pytest.raises(ConfigError, match="cannot be flattened"):
        PooledTrunk(SMALL, "flattened")(torch.randn(2, 3, 24, 16))


def test_only_the_family_that_was_published_so_is_pretrained():
    with pytest.raises(ConfigError, match=r"hrnet-w32 is not pre-trained here: only .* btranspose"):
        PooledTrunk(row("hrnet-w32"))
    with pytest.raises(ConfigError, match="expected one of mean, flattened"):
        PooledTrunk(SMALL, "token")
