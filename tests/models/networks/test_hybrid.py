"""The hybrid classifier against the published one, and what a mended mask owes its users."""

import zlib
from pathlib import Path

import numpy as np
import pytest
import torch

from posebeam.models.attention import attention_maps
from posebeam.models.networks.hybrid import MASKS, Hybrid
from posebeam.transforms.errors import ConfigError

PUBLISHED = {
    "published": "probabilities",
    "keys": "keys_masked_only",
    "none": "without_any_mask",
    "clip": "frames_cut_off",
}
GAINS = {"attention.query.weight": 2, "attention.key.weight": 2, "position": 0.5, "classifier.weight": 0.5}


@pytest.fixture(scope="module")
def golden():
    """Made by Keras 2.15 from the published example: 3 clips of 20, 13 and 5 frames."""
    with np.load(Path(__file__).parents[1] / "golden" / "hybrid.npz") as file:
        return {name: torch.from_numpy(file[name]) for name in file.files}


def drawn(key, shape):
    draw = np.random.Generator(np.random.PCG64(zlib.crc32(f"0/{key}".encode())))
    if key.endswith("weight") and len(shape) == 1:
        return draw.uniform(0.5, 1.5, shape)
    z = draw.standard_normal(shape)
    if key.endswith("bias"):
        return 0.1 * z
    return (z - z.mean(1, keepdims=True)) / np.sqrt(shape[1]) if key.endswith("weight") else z


@pytest.fixture(scope="module")
def state():
    """Made weights of 5 classes, by their names."""
    shapes = {key: tuple(value.shape) for key, value in Hybrid(5).state_dict().items()}
    made = {key: drawn(key, shape) * GAINS.get(key, 1) for key, shape in shapes.items()}
    return {key: torch.from_numpy(value.astype(np.float32)) for key, value in made.items()}


@pytest.fixture(scope="module")
def clips(golden):
    x = np.abs(0.5 * drawn("input", (3, 20, 1024))).astype(np.float32)
    for clip, frames in zip(x, golden["valid_frames"].tolist(), strict=True):
        clip[frames:] = 0
    return torch.from_numpy(x)


def filled(state, mask="clip"):
    model = Hybrid(len(state["classifier.bias"]), mask=mask)
    model.load_state_dict(state)
    return model.eval()


@pytest.mark.parametrize("mask", MASKS)
@torch.inference_mode()
def test_probabilities_equal_the_published_ones(golden, state, clips, mask):
    found = filled(state, mask)(clips).softmax(-1)
    assert (found - golden[f"{PUBLISHED[mask]}_5"]).abs().max() < 1e-6


@torch.inference_mode()
def test_encoder_and_101_classes_equal_the_published_ones(golden, state, clips):
    encoded = filled(state, "published").encoded(clips, (clips != 0).any(-1))
    want = golden["encoder_first_8_features"]
    assert (encoded[..., :8] - want).abs().max() <= 1e-6 * want.abs().max()
    wide = {key: torch.from_numpy((drawn(key, shape) * GAINS.get(key, 1)).astype(np.float32))
            for key, shape in (("classifier.weight", (101, 1024)), ("classifier.bias", (101,)))}  # fmt: skip
    found = filled(state | wide, "published")(clips).softmax(-1)
    assert (found - golden["probabilities_101"]).abs().max() < 1e-6


@torch.inference_mode()
def test_what_stands_on_padding_matters_to_the_published_masks_alone(state, clips):
    moved = dict(state, position=state["position"].clone())
    moved["position"][13:] *= -3  # only where the second clip is padding
    for mask in MASKS:
        shift = (filled(moved, mask)(clips[1:2]) - filled(state, mask)(clips[1:2])).abs().max()
        assert (shift < 1e-5) == (mask == "clip")


@pytest.mark.parametrize("mask", MASKS)
def test_a_clip_of_nothing_is_finite(state, mask):
    model = filled(state, mask)
    logits = model(torch.zeros(2, 20, 1024))
    logits.sum().backward()
    assert logits.isfinite().all()
    assert all(p.grad.isfinite().all() for p in model.parameters())


@pytest.mark.parametrize(("classes", "count"), [(5, 4_237_321), (101, 4_335_721)])
def test_the_published_sizes(classes, count):
    assert sum(p.numel() for p in Hybrid(classes).parameters()) == count


@torch.no_grad()
@pytest.mark.parametrize("mask", MASKS)
def test_its_attention_shows_what_frames_take_of_others_and_changes_nothing(state, clips, golden, mask):
    network = filled(state, mask)
    plain = network(clips)
    with attention_maps(network) as maps:
        assert torch.equal(network(clips), plain)
    found = maps["attention"]
    assert found.shape == (3, 1, 20, 20)
    torch.testing.assert_close(found.sum(-1), torch.ones(3, 1, 20))
    for taken, frames in zip(found[:, 0], golden["valid_frames"].tolist(), strict=True):
        of_padding = taken[:frames, frames:].sum()
        assert of_padding > 0 if mask == "none" and frames < 20 else of_padding == 0


def test_it_starts_as_keras_does():
    torch.manual_seed(0)
    model = Hybrid(5)
    assert model.attention.query.weight.abs().max().item() == pytest.approx(
        (6 / (1024 + 1024**2)) ** 0.5, rel=1e-3
    )
    assert model.attention.output.weight.abs().max().item() == pytest.approx((6 / 2048) ** 0.5, rel=1e-3)
    assert model.position.abs().max() <= 0.05
    assert all((p == 0).all() for name, p in model.named_parameters() if name.endswith("bias"))


def test_it_learns():
    torch.manual_seed(0)
    model, x = Hybrid(2, length=6, features=32), torch.rand(8, 6, 32)
    x[:4, 2:4, :16] += 1
    label = torch.tensor([0] * 4 + [1] * 4)
    adam = torch.optim.Adam(model.parameters(), 1e-2)
    for _ in range(40):
        adam.zero_grad()
        loss = torch.nn.functional.cross_entropy(model(x), label)
        loss.backward()
        adam.step()
    assert (model.eval()(x).argmax(-1) == label).all()


@pytest.mark.parametrize("wrong", [{"mask": "half"}, {"classes": 1}, {"length": 0}])
def test_mistakes_are_named(wrong):
    with pytest.raises(ConfigError, match="expected"):
        Hybrid(**{"classes": 5, **wrong})


def test_clips_of_another_length_are_named():
    with pytest.raises(ConfigError, match="expected"):
        Hybrid(2, length=6, features=8)(torch.zeros(1, 5, 8))
