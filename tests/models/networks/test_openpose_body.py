"""OpenPose's body network: what it is made of, what its stages see, and its published checkpoint."""

import pytest
import torch
from torch import nn
from torch.func import functional_call

from posebeam.models.checkpoint import load
from posebeam.models.networks.openpose_body import FIELDS, HEATS, OpenPoseBody
from posebeam.transforms.errors import WeightsError


@pytest.fixture(scope="module")
def network() -> OpenPoseBody:
    """Weights that keep the size of the signal, so that something reaches the last stage."""
    torch.manual_seed(0)
    network = OpenPoseBody()
    for each in network.modules():
        if isinstance(each, nn.Conv2d):
            nn.init.kaiming_uniform_(each.weight, nonlinearity="relu")
    return network.eval()


@pytest.fixture(scope="module")
def images() -> torch.Tensor:
    """[2, 3, 64, 72]: in a square, height for width would go unnoticed."""
    return torch.rand(2, 3, 64, 72, generator=torch.Generator().manual_seed(1)) - 0.5


@pytest.fixture(scope="module")
def said(network, images) -> tuple[torch.Tensor, torch.Tensor]:
    """Fields and heat maps of the images."""
    with torch.inference_mode():
        return network(images)


def error(ours: torch.Tensor, theirs: torch.Tensor) -> float:
    """Largest difference over the largest value."""
    return float((ours - theirs).abs().max() / theirs.abs().max())


def test_names_and_count_are_the_published_ones():
    with torch.device("meta"):
        state = OpenPoseBody().state_dict()
    assert sum(value.numel() for value in state.values()) == 52_311_446
    assert len(state) == 184
    expected = {
        "model0.conv1_1.weight": (64, 3, 3, 3),
        "model0.conv4_4_CPM.bias": (128,),
        "model1_1.conv5_4_CPM_L1.weight": (512, 128, 1, 1),
        "model1_2.conv5_5_CPM_L2.weight": (19, 512, 1, 1),
        "model2_1.Mconv1_stage2_L1.weight": (128, 185, 7, 7),
        "model6_2.Mconv7_stage6_L2.bias": (19,),
    }
    assert {key: tuple(state[key].shape) for key in expected} == expected


def test_maps_have_an_eighth_of_the_size(said):
    fields, heats = said
    assert fields.shape == (2, FIELDS, 8, 9)
    assert heats.shape == (2, HEATS, 8, 9)


def test_only_the_last_heat_maps_are_rectified(network, images, said):
    with torch.inference_mode():
        first = network.model1_2(network.model0(images))
    assert first.min() < 0
    assert said[0].min() < 0
    assert said[1].min() == 0 < said[1].max()


def test_a_picture_is_seen_alone(network, images, said):
    with torch.inference_mode():
        alone = network(images[1:])
    assert error(alone[0], said[0][1:]) < 1e-5
    assert error(alone[1], said[1][1:]) < 1e-5
    assert error(alone[0], said[0][:1]) > 1e-2


@pytest.mark.parametrize(
    ("blind", "changed"),
    [
        (slice(0, FIELDS), "model5_1.Mconv7_stage5_L1.bias"),
        (slice(FIELDS, FIELDS + HEATS), "model5_2.Mconv7_stage5_L2.bias"),
        (slice(FIELDS + HEATS, None), None),
    ],
    ids=["fields", "heat maps", "features"],
)
def test_a_stage_sees_fields_then_heat_maps_then_features(network, images, said, blind, changed):
    """A last stage that is blind to some channels does not notice when the stage before it says others there."""
    own = dict(network.named_parameters())
    blinded = {}
    for name in ("model6_1.Mconv1_stage6_L1.weight", "model6_2.Mconv1_stage6_L2.weight"):
        blinded[name] = own[name].clone()
        blinded[name][:, blind] = 0
    other = {changed: own[changed] + 1} if changed else {}
    with torch.inference_mode():
        before, after = (functional_call(network, blinded | extra, images) for extra in ({}, other))
        seeing = functional_call(network, other, images)
    assert torch.equal(before[0], after[0])
    assert torch.equal(before[1], after[1])
    assert error(before[0], said[0]) > 1e-2
    assert not changed or error(seeing[0], said[0]) > 1e-2


def test_gradients_reach_every_parameter(network, images):
    fields, heats = network(images[:1])
    gradients = torch.autograd.grad(fields.square().sum() + heats.square().sum(), list(network.parameters()))
    still = [name for (name, _), each in zip(network.named_parameters(), gradients, strict=True) if not each.any()]
    assert not still


def test_channels_last_and_half_precision_say_the_same(network, images, said):
    with torch.inference_mode():
        last = network(images.to(memory_format=torch.channels_last))
        with torch.autocast("cpu", torch.bfloat16):
            half = network(images)
    for ours, rough, theirs in zip(last, half, said, strict=True):
        assert error(ours, theirs) < 1e-5
        assert error(rough.float(), theirs) < 0.1


def checkpoint(path, drop: bool):
    """The published file, made: tensor i holds i alone, so that each must find its own place."""
    with torch.device("meta"):
        state = OpenPoseBody().state_dict()
    names = [key.partition(".")[2] if drop else key for key in state]
    made = zip(names, enumerate(state.values()), strict=True)
    torch.save({name: torch.tensor(float(i)).expand(value.shape) for name, (i, value) in made}, path)
    return path


@pytest.mark.parametrize("drop", [True, False], ids=["as published", "whole names"])
def test_the_published_file_loads_under_either_names(tmp_path, drop):
    network = OpenPoseBody()
    load(network, checkpoint(tmp_path / "body_pose_model.pth", drop))
    assert all((value == i).all() for i, value in enumerate(network.state_dict().values()))


def test_a_file_of_other_names_does_not_load(tmp_path):
    path = checkpoint(tmp_path / "body_pose_model.pth", drop=True)
    state = torch.load(path, weights_only=True)
    state["conv1_3.weight"] = state.pop("conv1_2.weight")
    torch.save(state, path)
    with pytest.raises(WeightsError, match=r"1 missing: model0\.conv1_2\.weight; 1 left over: conv1_3\.weight"):
        load(OpenPoseBody(), path)
