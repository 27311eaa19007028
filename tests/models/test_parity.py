"""Every network against its official code: names, shapes, outputs, attention, for weights made by a recipe.

golden/networks/*.npz hold what the official networks gave in float32 on a CPU, every so many values of it; `meta`
names repository, commit and configuration. No official code and no published weights are needed: what a tensor
holds follows from its official name.
"""

import hashlib
import json
import re
import zlib
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from posebeam.models import registry
from posebeam.models.assembly import decoder_of
from posebeam.models.attended import attended
from posebeam.models.attention import attention_maps
from posebeam.models.dependency import areas, one_map
from posebeam.models.top_down import HALF_PIXEL, TopDownView
from posebeam.transforms.framing import FRAMINGS

GOLDENS = Path(__file__).parent / "golden" / "networks"
# A minute on one core: with --soak only.
LARGE = {"prtr1_r50"}
# Numbers of the golden's small model in place of the row's.
NUMBERS = {
    "prtr1_r50_small": {
        "layers": 2, "feedforward": 256, "persons": 8, "joint_queries": 30, "x_res": 6, "y_res": 10,
    },
}  # fmt: skip
# The crops of sequential PRTR follow boxes that have rounding of their own.
LOOSE = {"out/pred_kpt_coord": 1e-3, "out/pred_kpt_logits": 1e-3}

# What the official read-outs make of two pieces of a picture: x, y, score of 17 joints, and whether they are
# steady; elsewhere the read-out of these noise-like maps hangs on the last bit.
READ_OUTS = Path(__file__).parent / "golden" / "read_outs.npz"
CENTRES, EXTENTS = np.array([(100.5, 120.25), (333, 77.5)]), np.array([(180, 240), (270, 360)])
# Dependency areas by TransPose's and BTranspose's own visualize.py, without its threshold, every 113th value.
VIEWS = Path(__file__).parent / "golden" / "views.npz"


class Golden:
    """One file: what the official network gave, and the recipe of its weights and inputs."""

    def __init__(self, name: str):
        with np.load(GOLDENS / f"{name}.npz") as file:
            self.meta: dict[str, Any] = json.loads(file["meta"].tobytes())
            self.arrays = {key: file[key] for key in file.files if key != "meta"}
        self.name = name

    def stream(self, key: str) -> np.random.Generator:
        """Every tensor has a generator of its own."""
        return np.random.Generator(np.random.PCG64(zlib.crc32(f"{self.meta['seed']}/{key}".encode())))

    def tensor(self, key: str, shape: tuple[int, ...]) -> torch.Tensor:
        """A weight, bias, norm or table by its official name."""
        leaf, draw = key.rsplit(".", 1)[-1], self.stream(key)
        if leaf == "num_batches_tracked":
            return torch.zeros(shape, dtype=torch.int64)
        if leaf == "running_var" or (leaf == "weight" and len(shape) == 1):
            values = draw.uniform(0.5, 1.5, shape)
        elif leaf == "running_mean" or leaf.endswith("bias"):
            values = 0.1 * draw.standard_normal(shape)
        elif leaf.endswith("weight"):
            transposed = bool(re.search(r"deconv_layers\.[036]\.", key))
            values = _centred(draw.standard_normal(shape), transposed)
        else:
            values = draw.standard_normal(shape)
        for pattern, factor in self.meta["gains"]:
            values = values * factor if re.search(pattern, key) else values
        return torch.from_numpy(values.astype(np.float32))

    def inputs(self) -> torch.Tensor | list[torch.Tensor]:
        """A batch [B, 3, H, W], or images [3, H, W] of several sizes."""
        several = len(self.meta["inputs"]) > 1
        keys = [f"input/{i}" for i in range(len(self.meta["inputs"]))] if several else ["input"]
        images = [
            torch.from_numpy(
                (self.stream(key).standard_normal(shape) * self.meta["input_factor"]).astype(np.float32)
            )
            for key, shape in zip(keys, self.meta["inputs"], strict=True)
        ]
        return images if several else images[0]


def _centred(values: np.ndarray, transposed: bool) -> np.ndarray:
    """Zero mean over what an output sums up, a variance that keeps the signal's; transposed: [in, out, k, k]."""
    axes = (0,) if transposed else tuple(range(1, values.ndim))
    count = values.shape[0] * 4 if transposed else values[0].size
    return (values - values.mean(axes, keepdims=True)) / np.sqrt(count)


@pytest.fixture(scope="module", params=sorted(path.stem for path in GOLDENS.glob("*.npz")))
def golden(request) -> Golden:
    if request.param in LARGE and not request.config.getoption("--soak"):
        pytest.skip("a minute on one core: make soak")
    return Golden(request.param)


@pytest.fixture(scope="module")
def network(golden):
    """The row's network under the golden's weights, strictly by the official names."""
    numbers = NUMBERS.get(golden.name, {})
    if any(key.startswith("out/aux_") for key in golden.arrays):
        numbers |= {"auxiliary": True}
    network = registry.build_network(golden.meta["row"], **numbers)
    state = {
        key: tensor if key in golden.meta["computed"] else golden.tensor(key, tuple(tensor.shape))
        for key, tensor in network.state_dict().items()
    }
    network.load_state_dict(state)
    return network


def test_names_and_shapes_are_the_official_ones(golden, network):
    listing = sorted([key, list(tensor.shape)] for key, tensor in network.state_dict().items())
    assert len(listing) == golden.meta["tensors"]
    assert hashlib.sha256(json.dumps(listing).encode()).hexdigest() == golden.meta["names"]
    assert sum(p.numel() for p in network.parameters()) == golden.meta["parameters"]


def test_outputs_and_attention_are_the_official_ones(golden, network):
    found = seen(network, golden)
    for key, expected in golden.arrays.items():
        facts = golden.meta["arrays"][key]
        ours = found[key.removesuffix(".softmax")]
        if ours.ndim == len(facts["shape"]) + 1:
            ours = ours.mean(1)  # officially the mean over the heads
        assert list(ours.shape) == facts["shape"]
        difference = np.abs(ours.reshape(-1)[:: facts["k"]].numpy()[: len(expected)] - expected).max()
        assert difference / facts["top"] < max(1e-5, 10 * facts["noise"], LOOSE.get(key, 0)), key


def test_joints_in_the_picture_are_the_official_ones(golden, network, monkeypatch):
    """The whole way of a top-down backbone from what the network is shown to joints in source pixels."""
    with np.load(READ_OUTS) as file:
        if golden.name not in file:
            pytest.skip("looks at whole pictures")
        expected = file[golden.name]
    row = registry.row(golden.meta["row"])
    boxes = np.concatenate((CENTRES - (EXTENTS - FRAMINGS[row.framing].less) / 2, EXTENTS), 1)
    view = TopDownView(row, deepcopy(network), decoder_of(row), torch.device("cpu"), batch_size=2)
    monkeypatch.setattr(view, "_prepare", lambda items: golden.inputs())
    xy, score, finite = view.in_boxes([np.zeros((9, 9, 3), np.uint8)] * 2, boxes, margin=1.0)
    assert finite.all()
    # DARK leaves some of these maps by far; ours stay in the piece.
    inside = (np.abs(expected[..., :2] - CENTRES[:, None]) < EXTENTS[:, None] / 2 - 1).all(-1)
    assert (np.abs(xy - HALF_PIXEL - CENTRES[:, None]) < EXTENTS[:, None] / 2 + 5).all()
    steady = inside & (expected[..., 3] > 0)
    assert steady.mean() > 0.5
    assert np.abs(xy - HALF_PIXEL - expected[..., :2])[steady].max() < 0.03
    assert score == pytest.approx(expected[..., 2], abs=1e-4)


def test_dependency_areas_are_the_official_ones(golden, network):
    """Of one place in the first picture: what it depends on and what it affects; of MHSA head by head."""
    with np.load(VIEWS) as file:
        views = {key.split("/")[1]: file[key] for key in file.files if key.startswith(f"{golden.name}/")}
    if not views:
        pytest.skip("no dependency areas stored")
    height, width = registry.row(golden.meta["row"]).input
    place = golden.stream("query").uniform(0, 1, (17, 2))[9:10] * [width, height]
    with torch.inference_mode(), attention_maps(network) as maps:
        network(golden.inputs()[:1])
    for key, expected in views.items():
        what, way = key.split("_")
        layer, head = ("mhsa", int(what[4:])) if what.startswith("mhsa") else (what.removeprefix("encoder"), None)
        attention = one_map(maps[attended(network)[layer]][0], head)
        stride = int((height * width / len(attention)) ** 0.5)
        ours = areas(
            attention,
            (height // stride, width // stride),
            torch.from_numpy(place),
            (height, width),
            {"dependency": "depends-on", "affect": "affects"}[way],
        )
        difference = np.abs(ours.reshape(-1)[::113].numpy() - expected).max()
        assert difference < 1e-5 * expected.max(), key


def seen(network: torch.nn.Module, golden: Golden) -> dict[str, torch.Tensor]:
    """Outputs with fused attention, as everybody runs it, and the maps of a second run that keeps them."""
    with torch.inference_mode():
        found = named(network(golden.inputs()), golden)
        if any(key.startswith("attn/") for key in golden.arrays):
            with attention_maps(network) as maps:
                mapped = named(network(golden.inputs()), golden)
            found |= {f"attn/{path}": each for path, each in maps.items()}
            for key in mapped:
                loose = LOOSE.get(key, max(1e-5, 10 * golden.meta["arrays"][key]["noise"]))
                assert (mapped[key] - found[key]).abs().max() < loose * mapped[key].abs().max(), f"{key}, fused"
    return found


def named(outputs: Any, golden: Golden) -> dict[str, torch.Tensor]:
    """What a network returned, by the golden's names."""
    names = [key for key in golden.arrays if key.startswith("out/")]
    if isinstance(outputs, torch.Tensor):
        return {names[0]: outputs}
    if isinstance(outputs, tuple):
        return dict(zip(names, outputs, strict=True))
    earlier = outputs.pop("aux_outputs", [])
    found = {f"out/{key}": value for key, value in outputs.items()}
    if earlier:
        found |= {f"out/aux_{key}": torch.stack([layer[key] for layer in earlier]) for key in outputs}
    return found
