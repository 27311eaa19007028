"""HRNet and its trunk: branches and what they exchange, gradients, batches, keys."""

from functools import partial

import pytest
import torch
from torch import nn

from posebeam.models.networks.hrnet import HRNet, HRNetFeatures
from posebeam.models.networks.hrnet_trunk import Exchange, HighResolutionTrunk, bridge, transition, widen
from posebeam.transforms.errors import ConfigError

KINDS = {  # and what each makes of [2, 3, 64, 64]
    "pose": (HRNet, (2, 17, 16, 16)),
    "features": (HRNetFeatures, (2, 2048, 2, 2)),
    "to stage 3": (partial(HighResolutionTrunk, 32, stages=3), (2, 32, 16, 16)),
}


@pytest.fixture(scope="module", params=KINDS)
def kind(request) -> str:
    """Each user of the trunk."""
    return request.param


@pytest.fixture(scope="module")
def network(kind) -> nn.Module:
    """With uneven norms: fresh ones are the identity, where a wrong one would not show."""
    torch.manual_seed(1)
    made = KINDS[kind][0]()
    for part in made.modules():
        if isinstance(part, nn.BatchNorm2d):
            nn.init.uniform_(part.weight, 0.5, 1.5)
            nn.init.normal_(part.bias, std=0.1)
            part.running_mean.normal_(std=0.1)
            part.running_var.uniform_(0.5, 1.5)
    return made.eval()


@pytest.fixture
def images() -> torch.Tensor:
    """[2, 3, 64, 64], normalised."""
    return torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(2))


def answer(network: nn.Module, images: torch.Tensor) -> torch.Tensor:
    """What a user takes from it: heat maps, features, or the finest branch."""
    return network.high_resolution(images) if type(network) is HighResolutionTrunk else network(images)


@torch.no_grad()
def test_an_image_does_not_depend_on_its_batch_nor_on_the_call(kind, network, images):
    together = answer(network, images)
    assert together.shape == KINDS[kind][1]
    assert torch.equal(answer(network, images), together)
    alone = torch.cat([answer(network, image[None]) for image in images])
    close = 1e-5 * together.abs().max().item()
    torch.testing.assert_close(alone, together, rtol=0, atol=close)
    assert not torch.allclose(together[0], together[1], rtol=0, atol=100 * close)


@torch.no_grad()
def test_memory_format_changes_nothing(network, images):
    plain = answer(network, images)
    other = answer(network, images.contiguous(memory_format=torch.channels_last))
    torch.testing.assert_close(other, plain, rtol=0, atol=1e-5 * plain.abs().max().item())


def test_gradients_reach_every_parameter_and_the_images(network, images):
    images = images.requires_grad_()
    answer(network, images).square().mean().backward()
    assert images.grad.abs().sum() > 0
    still = [name for name, p in network.named_parameters() if p.grad is None or not p.grad.any()]
    network.zero_grad()
    assert still == []


@torch.no_grad()
def test_weights_come_back(kind, network, images):
    with torch.device("meta"):
        again = KINDS[kind][0]().eval()
    again.load_state_dict(network.state_dict(), strict=True, assign=True)
    assert torch.equal(answer(again, images), answer(network, images))


@pytest.mark.parametrize(
    ("numbers", "parameters"), [((32,), 28_536_113), ((48,), 63_595_745), ((32, 16), 28_536_113 - 33)]
)
def test_parameters_as_published(numbers, parameters):
    with torch.device("meta"):
        assert sum(p.numel() for p in HRNet(*numbers).parameters()) == parameters


@pytest.mark.parametrize(("stages", "every_scale", "count"), [(3, True, 3), (4, False, 1), (4, True, 4)])
def test_branches_halve_and_double(stages, every_scale, count):
    with torch.device("meta"):
        maps = HighResolutionTrunk(48, stages, every_scale).eval().branches(torch.zeros(1, 3, 64, 96))
    assert [tuple(m.shape) for m in maps] == [(1, 48 << i, 16 >> i, 24 >> i) for i in range(count)]


@torch.no_grad()
def test_each_branch_hears_every_other():
    exchange = Exchange([4, 8, 16], every_scale=True).eval()
    maps = [torch.randn(1, 4 << i, 8 >> i, 8 >> i) for i in range(3)]
    before = exchange(maps)
    for changed in range(3):
        others = [m + 1 if i == changed else m for i, m in enumerate(maps)]
        assert all(not torch.equal(a, b) for a, b in zip(exchange(others), before, strict=True))


@torch.no_grad()
def test_an_exchange_leaves_its_input_alone():
    exchange = Exchange([4, 8], every_scale=True).eval()
    maps = [torch.randn(1, 4, 8, 8), torch.randn(1, 8, 4, 4)]
    copies = [m.clone() for m in maps]
    exchange(maps)
    assert all(torch.equal(a, b) for a, b in zip(maps, copies, strict=True))


@torch.no_grad()
def test_up_is_nearest_and_linear_down_has_relus_only_between():
    up = bridge([4, 8, 16], 2, 0).eval()(torch.randn(1, 16, 2, 2))
    assert torch.equal(up, up[:, :, ::4, ::4].repeat_interleave(4, 2).repeat_interleave(4, 3))
    assert (up < 0).any()
    down = bridge([4, 8, 16], 0, 2).eval()(torch.randn(1, 4, 8, 8))
    assert down.shape == (1, 16, 2, 2)
    assert (down < 0).any()


@torch.no_grad()
def test_a_new_branch_starts_from_the_coarsest():
    maps = [torch.randn(1, 4, 8, 8), torch.randn(1, 8, 4, 4)]
    wider = widen(transition([4, 8], [4, 8, 16]).eval(), maps)
    assert wider[0] is maps[0]
    assert wider[1] is maps[1]
    assert wider[2].shape == (1, 16, 2, 2)
    assert (wider[2] >= 0).all()


@pytest.mark.parametrize("numbers", [{"width": 33}, {"width": 32, "stages": 2}, {"width": 0}])
def test_other_numbers_are_refused(numbers):
    with pytest.raises(ConfigError, match="expected"):
        HighResolutionTrunk(**numbers)
