"""Where training begins: made weights as published, and files by the names that the publications' programs map."""

import pytest
import torch
from safetensors.torch import save_file
from torchvision.models import resnet50

from posebeam.models.networks.detr import DETR
from posebeam.models.networks.hrnet import HRNetFeatures
from posebeam.models.registry import build_network, row
from posebeam.transforms.errors import WeightsError
from posebeam.workflows.pose.recipes import pose_recipe
from posebeam.workflows.pose.row import trained_row
from posebeam.workflows.pose.start import fresh_network, load_start

SMALL = {"layers": 1, "queries": 17, "feedforward": 32}


def save(state, path):
    torch.save(state, path)
    return str(path)


@pytest.fixture(scope="module")
def imagenet(tmp_path_factory):
    """A file as torchvision publishes ResNet-50's weights."""
    torch.manual_seed(5)
    network = resnet50()
    return save(network.state_dict(), tmp_path_factory.mktemp("weights") / "resnet50.pth"), network.state_dict()


@pytest.mark.parametrize(
    ("backbone", "below", "left"),
    [
        ("simple-baseline-r50", "", {"fc.weight", "fc.bias"}),
        ("transpose-r-a4", "", None),
        ("prtr-r50-384", "backbone.0.body.", {"fc.weight", "fc.bias"}),
    ],
)
def test_imagenets_resnet_becomes_the_trunk(imagenet, backbone, below, left):
    path, held = imagenet
    network = build_network(backbone, **(SMALL if backbone.startswith("prtr") else {}))
    start = load_start(network, path)
    state = network.state_dict()
    taken = [name for name in held if below + name in state]
    assert start.taken == len(taken) > 100
    assert all(torch.equal(state[below + name], held[name]) for name in taken)
    unused = {name for name in start.unused if not name.endswith("num_batches_tracked")}
    assert unused == left or (left is None and all(n.startswith(("layer3", "layer4", "fc")) for n in unused))
    assert not any(name.startswith(below + "layer") for name in start.made)
    assert f"{start.taken} tensors; made weights: {len(start.made)} (" in start.sentence()


def test_imagenets_hrnet_becomes_the_trunk_of_transpose_and_prtr(tmp_path):
    network = HRNetFeatures(32)
    path = save({**network.state_dict(), "classifier.weight": torch.zeros(1000, 2048)}, tmp_path / "hrnetv2.pth")
    start = load_start(build_network("prtr-hrnet-w32-384", **SMALL), path)
    assert start.unused == ("classifier.weight",)
    heat = load_start(build_network("hrnet-w32"), path)
    assert heat.made == ("final_layer.weight", "final_layer.bias")
    transpose = load_start(build_network("transpose-h-s"), path)
    assert {name.split(".")[0] for name in transpose.made} == {
        "pos_embedding", "reduce", "global_encoder", "final_layer",
    }  # fmt: skip
    assert {name.split(".")[0] for name in transpose.unused} <= {
        "stage3", "stage4", "transition3", "incre_modules", "downsamp_modules", "final_layer", "classifier",
    }  # fmt: skip


def test_dinos_teacher_becomes_the_trunk_of_btranspose(tmp_path):
    network = build_network("btranspose-c2a1-4")
    trunk = {f"module.backbone.{name}": value + 1 for name, value in network.model_alpha.state_dict().items()}
    content = {"teacher": {**trunk, "module.head.last_layer.weight_v": torch.zeros(2)}, "epoch": 3}
    start = load_start(network, save(content, tmp_path / "checkpoint0160.pth"))
    assert start.taken == len(trunk)
    assert {name.split(".")[0] for name in start.made} == {"deconv_layers", "final_layer"}
    assert start.unused == ("head.last_layer.weight_v",)
    held = trunk["module.backbone.reduce.weight"]
    assert torch.equal(network.model_alpha.reduce.weight, held)


def test_detr_becomes_the_first_stage_of_the_sequential_model(tmp_path):
    detr = DETR(layers=1, feedforward=32, queries=4)
    network = build_network(
        "prtr-sequential-r50", layers=1, feedforward=32, persons=4, joint_queries=17, levels=[5], x_res=2, y_res=2
    )
    start = load_start(network, save({"model": detr.state_dict()}, tmp_path / "detr.pth"))
    assert start.unused == ("class_embed.weight", "class_embed.bias")  # 92 classes, not 2
    assert all(name.startswith(("transformer_kpt", "class_embed", "row", "col", "x_", "y_", "mask", "pe"))
               for name in start.made)  # fmt: skip


def test_a_run_folder_is_gone_on_from_and_another_input_keeps_what_fits(tmp_path):
    network = build_network("btranspose-c2a1-4")
    save_file(network.state_dict(), tmp_path / "model.safetensors")
    start = load_start(build_network("btranspose-c2a1-4"), str(tmp_path))
    assert (start.made, start.unused) == ((), ())
    smaller = load_start(build_network("btranspose-c2a1-4", image=[128, 96]), str(tmp_path))
    assert {name.rsplit(".", 1)[-1] for name in smaller.made} == {"pos_embedding", "rel_h", "rel_w"}
    assert set(smaller.made) == set(smaller.unused)


def test_a_file_of_something_else_is_refused(tmp_path):
    path = save({"a": torch.zeros(1)}, tmp_path / "other.pth")
    with pytest.raises(WeightsError, match="none of its 1 tensors has the name and shape"):
        load_start(build_network("transpose-r-a4"), path)
    with pytest.raises(WeightsError, match="no such file"):
        load_start(build_network("transpose-r-a4"), str(tmp_path / "none.pth"))


def test_made_weights_follow_from_the_seed_and_are_drawn_as_published():
    facts = trained_row(row("simple-baseline-r50"), (64, 64), {})
    chosen = pose_recipe("", facts)
    one, same, other = (fresh_network(facts, chosen, seed) for seed in (1, 1, 2))
    assert torch.equal(one.final_layer.weight, same.final_layer.weight)
    assert not torch.equal(one.conv1.weight, other.conv1.weight)
    for drawn in (one.final_layer, one.deconv_layers[0]):
        assert float(drawn.weight.detach().std()) == pytest.approx(1e-3, rel=0.05)
    assert not one.final_layer.bias.any()
    assert float(one.conv1.weight.detach().std()) > 0.01


def test_without_a_file_the_start_says_so():
    network = build_network("transpose-r-a4")
    assert "made weights" in load_start(network, "").sentence()
