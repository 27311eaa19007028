"""DINO's head against the published one: names, outputs, gradients of the last layer."""

import zlib
from pathlib import Path

import numpy as np
import pytest
import torch

from posebeam.models.distillation import parameter_groups
from posebeam.models.networks.dino_head import DinoHead
from posebeam.transforms.errors import ConfigError

HEADS = {
    "head_three": {},
    "head_two": {"layers": 2},
    "head_one": {"layers": 1},
    "head_norm": {"norm": True},
    "head_norm_training": {"norm": True},
    "head_free_g": {"free_lengths": True},
}


@pytest.fixture(scope="module")
def golden():
    """Made by DINO's code; every 5th value of gradients by v."""
    with np.load(Path(__file__).parents[1] / "golden" / "dino.npz") as file:
        return {name: torch.from_numpy(file[name]) for name in file.files}


def stream(key):
    return np.random.Generator(np.random.PCG64(zlib.crc32(f"0/{key}".encode())))


def drawn(name, key, shape):
    """A made tensor of a head: `name` is the golden's, each tensor has a stream of its own."""
    if key.endswith("weight_g"):
        values = stream(f"head_free_g/{key}").uniform(0.5, 1.5, shape) if name == "head_free_g" else np.ones(shape)
    elif key.endswith("tracked"):
        return torch.tensor(0)
    else:
        draw = stream(f"{name.removesuffix('_training')}/{key}".replace("weight_v", "weight"))
        if key.endswith("running_var") or (key.endswith("weight") and len(shape) == 1):
            values = draw.uniform(0.5, 1.5, shape)
        elif len(shape) == 1:
            values = 0.1 * draw.standard_normal(shape)
        else:
            z = draw.standard_normal(shape)
            values = (z - z.mean(1, keepdims=True)) / np.sqrt(shape[1])
    return torch.from_numpy(values.astype(np.float32))


def filled(name):
    head = DinoHead(24, out=40, hidden=32, bottleneck=16, **HEADS[name])
    state = {key: drawn(name, key, tuple(value.shape)) for key, value in head.state_dict().items()}
    head.load_state_dict(state)
    return head.train(name.endswith("training"))


@pytest.mark.parametrize("name", HEADS)
def test_outputs_and_gradients_equal_the_published_ones(golden, name):
    head = filled(name)
    x, cotangent = (
        torch.from_numpy(stream(key).standard_normal(shape).astype(np.float32))
        for key, shape in (("head/input", (5, 24)), ("head/cotangent", (5, 40)))
    )
    out = head(x)
    (out * cotangent).sum().backward()
    pairs = [(out, "output"), (head.last_layer.weight_v.grad.flatten()[::5], "grad_last_layer_v")]
    if name == "head_free_g":
        pairs.append((head.last_layer.weight_g.grad, "grad_last_layer_g"))
    if name.endswith("training"):
        pairs += [(head.mlp[1].running_mean, "running_mean_after"), (head.mlp[1].running_var, "running_var_after")]
    for got, want in pairs:
        want = golden[f"{name}/{want}"]
        assert (got - want).abs().max() <= 1e-6 * want.abs().max()


def test_lengths_decay_only_where_they_are_learnt():
    for name, count in (("head_three", 4), ("head_free_g", 5)):
        decayed, spared = (group["params"] for group in parameter_groups(filled(name)))
        assert len(decayed) == count
        assert all(parameter.dim() == 1 for parameter in spared)


def test_a_fresh_head_has_small_weights_and_rows_of_length_1():
    head = DinoHead(24, out=40, hidden=32, bottleneck=16)
    assert head.mlp[0].weight.std().item() == pytest.approx(0.02, rel=0.2)
    rows = head.last_layer(torch.eye(16)).T  # [40, 16]
    assert torch.allclose(rows.norm(dim=1), torch.ones(40))


def test_the_published_size():
    with torch.device("meta"):
        head = DinoHead(384)
    assert sum(p.numel() for p in head.parameters()) == 22_352_128
    assert sum(p.numel() for p in head.parameters() if p.requires_grad) == 22_286_592


def test_no_layers_are_named():
    with pytest.raises(ConfigError, match="0 layers"):
        DinoHead(4, layers=0)
