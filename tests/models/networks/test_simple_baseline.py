"""SimpleBaseline: what its head does to a map, gradients, batches, names."""

import pytest
import torch
from torch import nn

from posebeam.models.networks.simple_baseline import SimpleBaseline, deconvolutions
from posebeam.transforms.errors import ConfigError


@pytest.fixture(scope="module")
def network() -> SimpleBaseline:
    """With uneven norms: fresh ones are the identity, where a wrong one would not show."""
    torch.manual_seed(1)
    made = SimpleBaseline(50)
    for part in made.modules():
        if isinstance(part, nn.BatchNorm2d):
            nn.init.uniform_(part.weight, 0.5, 1.5)
            part.running_mean.normal_(std=0.1)
            part.running_var.uniform_(0.5, 1.5)
    return made.eval()


@pytest.fixture
def images() -> torch.Tensor:
    """[2, 3, 64, 96], normalised; higher than wide would not tell the axes from the published ones."""
    return torch.randn(2, 3, 64, 96, generator=torch.Generator().manual_seed(2))


@torch.no_grad()
def test_an_image_does_not_depend_on_its_batch_nor_on_the_call(network, images):
    together = network(images)
    assert together.shape == (2, 17, 16, 24)
    assert torch.equal(network(images), together)
    alone = torch.cat([network(image[None]) for image in images])
    close = 1e-5 * together.abs().max().item()
    torch.testing.assert_close(alone, together, rtol=0, atol=close)
    assert not torch.allclose(together[0], together[1], rtol=0, atol=100 * close)


def test_a_deconvolution_reaches_the_cells_around(images):
    """Kernel 4, stride 2, padding 1: cell (y, x) reaches rows 2y - 1 to 2y + 2, and columns likewise."""
    head = deconvolutions(3, 5).eval()
    nn.init.ones_(head[0].weight)
    one = torch.zeros(1, 3, 4, 5)
    one[0, :, 1, 3] = 1
    reached = head(one)[0, 0].nonzero()
    assert reached.amin(0).tolist() == [1, 5]
    assert reached.amax(0).tolist() == [4, 8]
    assert head(one).shape == (1, 5, 8, 10)


def test_gradients_reach_every_parameter(images):
    network = SimpleBaseline(50, joints=3).train()
    network(images).square().sum().backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name


def test_names_are_those_of_the_publication(network):
    """torchvision's names, and a head whose three deconvolutions have a norm and a ReLU each."""
    state = network.state_dict()
    assert len(state) == 338
    assert {name for name in state if name.startswith("deconv") and name.endswith("weight")} == {
        f"deconv_layers.{i}.weight" for i in (0, 1, 3, 4, 6, 7)
    }
    assert state["deconv_layers.0.weight"].shape == (2048, 256, 4, 4)
    assert "deconv_layers.0.bias" not in state
    assert "final_layer.bias" in state


def test_a_depth_that_was_never_published_is_refused():
    with pytest.raises(ConfigError, match="34"):
        SimpleBaseline(34)
