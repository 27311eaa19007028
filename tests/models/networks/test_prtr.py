"""PRTR, two stages: both kinds of trunk, batches, queries, auxiliary layers, gradients, keys, export."""

import onnxruntime
import pytest
import torch
from torch import nn

from posebeam.models.attention import attention_maps
from posebeam.models.networks.detr import FixedNorm
from posebeam.models.networks.prtr import PRTR
from posebeam.transforms.errors import ConfigError

SMALL = {"joints": 5, "queries": 7, "layers": 2, "width": 32, "heads": 4, "feedforward": 48}


def made(trunk: str, **arguments) -> PRTR:
    """A small one with uneven norms: fresh ones are the identity, where a wrong one would not show."""
    torch.manual_seed(1)
    network = PRTR(trunk, **{**SMALL, **arguments})
    with torch.no_grad():
        for name, part in network.named_modules():
            if isinstance(part, (FixedNorm, nn.BatchNorm2d)):
                part.weight.uniform_(0.5, 1.5).mul_(0.3 if name.endswith("bn3") else 1)
                part.running_var.uniform_(0.5, 1.5)
                part.bias.normal_(std=0.1)
                part.running_mean.normal_(std=0.1)
            if isinstance(part, nn.MultiheadAttention):
                part.in_proj_bias.normal_(std=0.1)
    return network.eval()


@pytest.fixture(scope="module", params=["resnet50", "hrnet-w32"])
def trunk(request) -> str:
    return request.param


@pytest.fixture(scope="module")
def network(trunk) -> PRTR:
    return made(trunk)


@pytest.fixture
def images() -> torch.Tensor:
    """[2, 3, 64, 96], normalised."""
    return torch.randn(2, 3, 64, 96, generator=torch.Generator().manual_seed(2))


def close(got, wanted):
    for key in ("pred_logits", "pred_coords"):
        torch.testing.assert_close(got[key], wanted[key], rtol=0, atol=1e-5 * wanted[key].abs().max().item())


@torch.no_grad()
def test_a_crop_does_not_depend_on_its_batch_nor_on_the_call(network, images):
    together = network(images)
    assert together["pred_logits"].shape == (2, 7, 6)
    assert together["pred_coords"].shape == (2, 7, 2)
    assert 0 < together["pred_coords"].min() < together["pred_coords"].max() < 1
    assert all(torch.equal(network(images)[key], said) for key, said in together.items())
    alone = [network(image[None]) for image in images]
    close({key: torch.cat([each[key] for each in alone]) for key in together}, together)
    close(network(images.contiguous(memory_format=torch.channels_last)), together)
    first, second = together["pred_logits"]
    assert not torch.allclose(first, second, atol=1e-3)


@torch.no_grad()
def test_queries_in_another_order_are_answered_in_that_order(images):
    network, order = made("resnet50"), torch.tensor([4, 1, 6, 5, 0, 3, 2])
    wanted = {key: said[:, order] for key, said in network(images).items()}
    network.query_embed.weight.copy_(network.query_embed.weight[order])
    close(network(images), wanted)


@torch.no_grad()
def test_auxiliary_outputs_are_the_earlier_layers(images):
    said = made("resnet50", auxiliary=True)(images)
    close(said, made("resnet50")(images))
    (first,) = said["aux_outputs"]
    shorter = made("resnet50")
    shorter.transformer.decoder.layers = shorter.transformer.decoder.layers[:1]
    close(first, shorter(images))


@torch.no_grad()
def test_maps_of_attention_change_nothing(network, images):
    fused = network(images)
    with attention_maps(network) as maps:
        close(network(images), fused)
    assert maps["transformer.decoder.layers.1.multihead_attn"].shape == (2, 4, 7, 2 * 3)


def test_gradients_reach_every_parameter_that_is_trained(trunk, network, images):
    said = network(images)
    (said["pred_logits"].square().mean() + said["pred_coords"].square().mean()).backward()
    fixed = sum(p.numel() for p in network.parameters() if not p.requires_grad)
    still = {name for name, p in network.named_parameters() if p.requires_grad and not p.grad.any()}
    network.zero_grad()
    # The first layer's queries see only one another, and all are still zero.
    assert still <= {"transformer.decoder.layers.0.self_attn.in_proj_weight"}
    assert fixed == {"resnet50": 222_400, "hrnet-w32": 0}[trunk]


@torch.no_grad()
def test_weights_come_back(trunk, network, images):
    with torch.device("meta"):
        empty = PRTR(trunk, **SMALL)
    empty.load_state_dict(network.state_dict(), assign=True)
    assert all(torch.equal(empty.eval()(images)[key], said) for key, said in network(images).items())


@torch.no_grad()
def test_exported_it_takes_any_batch(images, tmp_path):
    """As a graph of torch.export, and as ONNX made of that."""
    network = made("resnet50", layers=1)
    batch = torch.export.Dim("batch", min=1, max=64)
    graph = torch.export.export(network, (images,), dynamic_shapes={"images": {0: batch}})
    names, path = ["pred_logits", "pred_coords"], tmp_path / "network.onnx"
    torch.onnx.export(graph, f=path, dynamo=True, output_names=names, optimize=False, verbose=False)
    session = onnxruntime.InferenceSession(path)
    for size in (1, 5):
        some = torch.randn(size, 3, 64, 96)
        wanted = network(some)
        close(graph.module()(some), wanted)
        got = session.run(names, {session.get_inputs()[0].name: some.numpy()})
        close({name: torch.from_numpy(said) for name, said in zip(names, got, strict=True)}, wanted)


def test_unknown_trunks_are_refused():
    with pytest.raises(ConfigError, match="PRTR on 'vgg', expected one of resnet50, resnet101, hrnet-w32"):
        PRTR("vgg")
