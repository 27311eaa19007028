"""SequentialPRTR: where crops look and what they hold, persons and images kept apart, gradients, keys."""

import numpy as np
import pytest
import torch
from scipy.ndimage import map_coordinates
from torch import nn

from posebeam.models.attention import attention_maps
from posebeam.models.networks.detr import FixedNorm
from posebeam.models.networks.prtr_sequential import SequentialPRTR, crop
from posebeam.transforms.errors import ConfigError

SMALL = {
    "x_res": 3,
    "y_res": 5,
    "persons": 4,
    "joint_queries": 6,
    "joints": 2,
    "layers": 1,
    "feedforward": 32,
}
KEYS = {  # and the shape of each for two images
    "pred_logits": (2, 4, 2),
    "pred_boxes": (2, 4, 4),
    "pred_kpt_coord": (2, 4, 6, 2),
    "pred_kpt_logits": (2, 4, 6, 3),
}


GAINS = {  # what makes attention choose, and persons differ: fresh weights put all of them into one place
    "input_proj": 6,
    "in_proj_weight": 2.5,
    "multihead_attn.out_proj": 3,
    "bbox_embed.layers.2": 2.5,
}


@pytest.fixture(scope="module")
def network() -> SequentialPRTR:
    """With uneven norms, and rows of weights without a mean: each unit sees differences, not what all share."""
    torch.manual_seed(1)
    made = SequentialPRTR(50, **SMALL)
    with torch.no_grad():
        for name, part in made.named_modules():
            if isinstance(part, FixedNorm):
                part.weight.uniform_(0.5, 1.5).mul_(0.3 if name.endswith("bn3") else 1)
                part.running_var.uniform_(0.5, 1.5)
                part.bias.normal_(std=0.1)
                part.running_mean.normal_(std=0.1)
        for name, parameter in made.named_parameters():
            gain = next((gain for part, gain in GAINS.items() if part in name), 1)
            if parameter.ndim > 1 and "embed.weight" not in name:
                rows = torch.randn_like(parameter).flatten(1)
                rows = (rows - rows.mean(1, keepdim=True)) / rows.shape[1] ** 0.5
                parameter.copy_(gain * rows.view_as(parameter))
            elif "bias" in name:
                parameter.normal_(std=0.1)
        for embedding in (made.query_embed, made.transformer_kpt.query_embed):
            nn.init.normal_(embedding.weight, std=2)
        made.bbox_embed.layers[2].bias[2:] = -3  # boxes are smaller than what lies between them
    return made.eval()


@pytest.fixture
def images() -> torch.Tensor:
    """[2, 3, 64, 96], normalised."""
    return torch.randn(2, 3, 64, 96, generator=torch.Generator().manual_seed(2))


@pytest.fixture
def outside() -> torch.Tensor:
    """The second picture is 32 high and 72 wide."""
    mask = torch.zeros(2, 64, 96, dtype=torch.bool)
    mask[1, 32:] = mask[1, :, 72:] = True
    return mask


def close(got, wanted):
    for key, said in wanted.items():
        # Crops follow boxes that have rounding of their own.
        near = 1e-4 if "kpt" in key else 1e-5
        torch.testing.assert_close(got[key], said, rtol=0, atol=near * said.abs().max().item())


def of_image(said, index):
    return {key: each[index : index + 1] for key, each in said.items()}


@torch.no_grad()
def test_a_crop_is_what_scipy_interpolates(network):
    """Between the centres of cells, and beyond the outermost of them what they hold."""
    generator = torch.Generator().manual_seed(3)
    maps = torch.randn(2, 2, 6, 9, generator=generator)
    boxes = torch.rand(2, 4, 4, generator=generator)
    got = crop(maps, network.grid(boxes, None)).reshape(2, 2, 4, 5, 3).numpy()
    for image, person in np.ndindex(2, 4):
        cx, cy, w, h = boxes[image, person].tolist()
        x = (cx + w * 1.25 * np.linspace(-0.5, 0.5, 3)) * 9 - 0.5
        y = (cy + h * 1.25 * np.linspace(-0.5, 0.5, 5)) * 6 - 0.5
        for channel in range(2):
            plane = maps[image, channel].double().numpy()
            wanted = map_coordinates(plane, np.meshgrid(y, x, indexing="ij"), order=1, mode="nearest")
            np.testing.assert_allclose(got[image, channel, person], wanted, atol=1e-5)


@torch.no_grad()
def test_a_box_is_relative_to_its_image_and_not_to_the_padding(network, outside):
    boxes = torch.tensor([0.5, 0.4, 0.6, 0.2]).expand(2, 1, 4)
    whole, part = network.grid(boxes, outside)[:, 0]  # [y_res, x_res, 2] each
    size = torch.tensor([96, 64])
    pixels = [(points + 1) / 2 * size for points in (whole, part)]
    torch.testing.assert_close(pixels[0][2, 1], torch.tensor([0.5 * 96, 0.4 * 64]))
    torch.testing.assert_close(pixels[1][2, 1], torch.tensor([0.5 * 72, 0.4 * 32]))
    span = [each[-1, -1] - each[0, 0] for each in pixels]
    torch.testing.assert_close(span[0], 1.25 * torch.tensor([0.6 * 96, 0.2 * 64]))
    torch.testing.assert_close(span[1], 1.25 * torch.tensor([0.6 * 72, 0.2 * 32]))


@torch.no_grad()
def test_an_image_does_not_depend_on_its_batch_nor_on_the_call(network, images):
    """Also: the persons of an image are cropped from that image."""
    together = network(images)
    assert {key: tuple(said.shape) for key, said in together.items()} == KEYS
    assert all(torch.equal(network(images)[key], said) for key, said in together.items())
    for index in range(2):
        close(network(images[index : index + 1]), of_image(together, index))
    first, second = together["pred_kpt_logits"]
    assert not torch.allclose(first, second, atol=1e-3)


@torch.no_grad()
def test_padding_has_no_influence(network, images, outside):
    wanted = network(images, outside)
    unmasked = network(images.masked_fill(outside[:, None], 0))
    for key, said in wanted.items():
        assert (unmasked[key][1] - said[1]).abs().max() > 1e-2
    close(network([images[0], images[1, :, :32, :72]]), wanted)
    close(network(torch.where(outside[:, None], 1e3, images), outside), wanted)
    other = images.clone()
    other[0] = 3 * torch.randn(3, 64, 96)
    close(of_image(network(other, outside), 1), of_image(wanted, 1))


@torch.no_grad()
def test_persons_and_joints_in_another_order_are_answered_in_that_order(network, images):
    persons, joints = torch.tensor([2, 0, 3, 1]), torch.tensor([4, 1, 5, 0, 3, 2])
    wanted = {key: said[:, persons] for key, said in network(images).items()}
    wanted = {key: said[:, :, joints] if "kpt" in key else said for key, said in wanted.items()}
    tables = (network.query_embed.weight, network.transformer_kpt.query_embed.weight)
    before = [table.clone() for table in tables]
    try:
        for table, order in zip(tables, (persons, joints), strict=True):
            table.copy_(table[order])
        close(network(images), wanted)
    finally:
        for table, old in zip(tables, before, strict=True):
            table.copy_(old)


@torch.no_grad()
def test_joints_lie_around_the_box_of_their_person(network, images):
    said = network(images)
    centre, size = said["pred_boxes"][:, :, None].split(2, -1)
    low, high = (centre - 0.625 * size).clamp(0, 1), (centre + 0.625 * size).clamp(0, 1)
    joints = said["pred_kpt_coord"]
    assert ((low <= joints) & (joints <= high)).all()
    others = said["pred_kpt_coord"].roll(1, 1)
    assert ((low <= others) & (others <= high)).all(-1).float().mean() < 0.5


@torch.no_grad()
def test_a_cell_of_a_crop_is_told_its_row_and_column(network):
    position = network._position().reshape(5, 3, 512)
    sines, learnt = position.split(256, -1)
    torch.testing.assert_close(sines.permute(2, 0, 1), network.pe[0])
    for y, x in np.ndindex(5, 3):
        torch.testing.assert_close(learnt[y, x, :128], network.col_embed.weight[:, y])
        torch.testing.assert_close(learnt[y, x, 128:], network.row_embed.weight[:, x])


@torch.no_grad()
def test_the_cells_of_each_persons_crop_are_read_row_by_row(network):
    joints, position = network.transformer_kpt, network._position()
    boxes, crops = torch.rand(2, 4, 4), torch.randn(2, 3584, 4 * 5, 3)
    coords, logits = joints.read(joints(crops, position, 4)[-1], boxes)
    features = joints.input_proj(crops)
    for image, person in np.ndindex(2, 4):
        tokens = torch.stack([features[image, :, person * 5 + y, x] for y in range(5) for x in range(3)])
        found = joints.transformer(tokens[None], position, joints.query_embed.weight)[-1, 0]
        torch.testing.assert_close(logits[image, person], joints.class_predictor(found), rtol=0, atol=1e-4)
        cx, cy, w, h = boxes[image, person]
        where = (joints.coord_predictor(found) * 1.25 - 0.625) * torch.stack((w, h)) + torch.stack((cx, cy))
        torch.testing.assert_close(coords[image, person], where.clamp(0, 1), rtol=0, atol=1e-4)


@torch.no_grad()
def test_auxiliary_outputs_are_the_earlier_layers(images):
    torch.manual_seed(1)
    network = SequentialPRTR(50, **{**SMALL, "layers": 3}).eval()
    plain = network(images)
    network.auxiliary = True
    said = network(images)
    assert [each.keys() for each in said["aux_outputs"]] == [KEYS.keys()] * 2
    assert {name: tuple(each.shape) for name, each in said["aux_outputs"][0].items()} == KEYS
    assert all(torch.equal(said[name], plain[name]) for name in KEYS)
    # A decoder without its third layer says of persons what the second layer said; its crops lie elsewhere.
    for part in (network.transformer, network.transformer_kpt.transformer):
        del part.decoder.layers[2]
    cut = network(images)
    for name in ("pred_logits", "pred_boxes"):
        close({name: cut[name]}, {name: said["aux_outputs"][1][name]})
        assert not torch.allclose(cut[name], said[name], atol=1e-4)


@torch.no_grad()
def test_maps_of_attention_change_nothing(network, images):
    fused = network(images)
    with attention_maps(network) as maps:
        close(network(images), fused)
    assert maps["transformer_kpt.transformer.decoder.layers.0.multihead_attn"].shape == (2 * 4, 8, 6, 5 * 3)


def test_gradients_reach_every_parameter_that_is_trained(network, images):
    said = network(images)
    sum(each.square().mean() for each in said.values()).backward()
    still = {name for name, p in network.named_parameters() if p.requires_grad and not p.grad.any()}
    network.zero_grad()
    # The first layer's queries see only one another, and all are still zero.
    first = "transformer.decoder.layers.0.self_attn.in_proj_weight"
    assert still <= {first, f"transformer_kpt.{first}"}


@torch.no_grad()
def test_weights_come_back_with_the_tables_that_are_computed(network, images):
    with torch.device("meta"):
        empty = SequentialPRTR(50, **SMALL)
    state = network.state_dict()
    assert {"x_interpolate", "y_interpolate", "mask", "pe"} <= state.keys()
    empty.load_state_dict(state, assign=True)
    assert all(torch.equal(empty.eval()(images)[key], said) for key, said in network(images).items())


@torch.no_grad()
def test_levels_are_chosen(images):
    network = SequentialPRTR(50, **SMALL, levels=(2, 5)).eval()
    assert network.transformer_kpt.input_proj.in_channels == 256 + 2048
    assert network(images)["pred_kpt_coord"].shape == (2, 4, 6, 2)
    with pytest.raises(ConfigError, match=r"levels \[1, 3\]: expected some of \[2, 3, 4, 5\]"):
        SequentialPRTR(50, levels=(1, 3))
    with pytest.raises(ConfigError, match=r"levels \[\]"):
        SequentialPRTR(50, levels=())
