"""AcT against the official model's outputs, and what a network owes its users."""

import json
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch

from posebeam.models.attention import attention_maps
from posebeam.models.networks.act import SIZES, build_act
from posebeam.transforms.errors import ConfigError

GOLDEN = Path(__file__).parent / "golden" / "act.npz"
PARAMETERS = {"micro": 227_156, "small": 1_040_404, "base": 2_740_052, "large": 4_902_164}


@pytest.fixture(scope="module")
def golden():
    with np.load(GOLDEN) as file:
        return dict(file)


def drawn(key, shape):
    """The made weights of a golden file: each tensor has a stream of its own, seeded by its name."""
    rng = np.random.Generator(np.random.PCG64(zlib.crc32(f"0/{key}".encode())))
    if key.endswith("weight") and len(shape) == 1:
        return rng.uniform(0.5, 1.5, shape)
    z = rng.standard_normal(shape)
    if key.endswith("bias"):
        return 0.1 * z
    if key.endswith("weight"):
        return (z - z.mean(1, keepdims=True)) / np.sqrt(shape[1])
    return z


def filled(size, shrink=1.0):
    """AcT with made weights; `shrink` makes what the first norm sees so small that its epsilon decides."""
    model = build_act(size, 20).eval()
    state = {key: drawn(key, tuple(value.shape)) for key, value in model.state_dict().items()}
    for key in state:
        if key.endswith(("q.weight", "k.weight")):
            state[key] *= 1.5
        if key.startswith(("embed.", "class_token", "position", "layers.0.o.")):
            state[key] *= shrink
    model.load_state_dict({key: torch.from_numpy(value.astype(np.float32)) for key, value in state.items()})
    return model


@pytest.mark.parametrize("size", SIZES)
def test_attention_is_as_sharp_as_the_official_one(golden, size):
    """Entropy by the logarithm of 31 keys, mean over windows, heads and queries: to 5e-7, as it is stored."""
    network = filled(size)
    with torch.inference_mode():
        fused = network(windows())
        with attention_maps(network) as maps:
            seen = network(windows())
    assert (seen - fused).abs().max() < 1e-5 * fused.abs().max()
    assert list(maps) == [f"layers.{layer}.attention" for layer in range(SIZES[size].layers)]
    entropy = [-(each.double() * each.double().log()).sum(-1).mean() / np.log(31) for each in maps.values()]
    stored = json.loads(golden["meta"].tobytes())["sizes"][size]["attention_entropy"]
    np.testing.assert_allclose(entropy, stored, atol=2e-6)


def windows(n=4):
    return torch.from_numpy(drawn("input", (4, 30, 52)).astype(np.float32))[:n]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("key", "shrink"), [("logits", 1.0), ("logits_eps", 0.001)])
def test_logits_equal_the_official_ones(golden, size, key, shrink):
    with torch.inference_mode():
        logits = filled(size, shrink)(windows()).numpy()
    want = golden[f"{size}/{key}"]
    assert np.abs(logits - want).max() <= 1e-5 * np.abs(want).max()


@pytest.mark.parametrize("size", SIZES)
def test_every_layer_agrees(golden, size):
    model, tokens = filled(size), []
    for layer in model.layers:
        layer.register_forward_hook(lambda _module, _inputs, out: tokens.append(out[0, 0].detach().numpy()))
    model(windows())
    want = golden[f"{size}/class_token_after_each_layer_of_input_0"]
    np.testing.assert_allclose(np.stack(tokens), want, atol=1e-5 * np.abs(want).max())


@pytest.mark.parametrize("size", SIZES)
def test_names_shapes_and_number_of_parameters(golden, size):
    listing = json.loads(golden["meta"].tobytes())["sizes"][size]["listing"]
    state = build_act(size, 20).state_dict()
    assert {name: tuple(shape) for name, shape in listing} == {k: tuple(v.shape) for k, v in state.items()}
    assert sum(value.numel() for value in state.values()) == PARAMETERS[size]


def test_windows_of_a_batch_do_not_touch():
    model = build_act("micro", 5).eval()
    x = windows()
    together = model(x)
    alone = torch.cat([model(x[i : i + 1]) for i in range(len(x))])
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=1e-5)


def test_every_parameter_learns():
    model = build_act("micro", 5)
    torch.nn.functional.cross_entropy(model(windows()), torch.arange(4)).backward()
    # Softmax does not see what is added to all keys alike.
    still = [name for name, p in model.named_parameters() if not p.grad.any() and not name.endswith("k.bias")]
    assert still == []


def test_the_seed_decides_the_start():
    def start(seed):
        torch.manual_seed(seed)
        return build_act("micro", 5).state_dict()

    same, other = start(1), start(2)
    assert all(torch.equal(a, b) for a, b in zip(same.values(), start(1).values(), strict=True))
    assert not torch.equal(same["embed.weight"], other["embed.weight"])


def test_another_length_is_another_model():
    assert build_act("micro", 5, length=16)(windows()[:, :16]).shape == (4, 5)


def test_unknown_sizes_are_named():
    with pytest.raises(ConfigError, match="no AcT 'tiny'; known: micro, small, base, large"):
        build_act("tiny", 5)
    with pytest.raises(ConfigError, match="got 1 classes"):
        build_act("micro", 1)
