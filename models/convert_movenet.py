"""Conversion of MoveNet's published tfjs files to safetensors, fp16 as published.

python -m posebeam.models.convert_movenet MODEL.json MODEL.bin OUT.safetensors
"""

import hashlib
import json
import sys
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.numpy import save_file

from posebeam.models.decoders.movenet import EPSILON
from posebeam.models.decoders.movenet_multipose import COUNTED, PEOPLE, PLATEAU, REACH
from posebeam.models.networks.movenet import PIXEL_SCALE, MoveNet
from posebeam.transforms.errors import WeightsError

_ROOT = "StatefulPartitionedCall/"
_FEATURES = f"{_ROOT}center_net_mobile_net_v2fpn_feature_extractor/model_1/"
_HEADS = {
    "center": "center_0",
    "heatmap": "kpt_heatmap_0",
    "regress": "kpt_regress_0",
    "offset": "kpt_offset_0",
    "box_scale": "box_scale_0",
    "box_offset": "box_offset_0",
}
# The graph numbers its convolutions in the order in which its heads were built.
_SINGLE = ("center", "heatmap", "regress", "offset")
_MULTI = ("center", "box_scale", "box_offset", "heatmap", "regress", "offset")
# What the code holds as numbers and the graph as constants: one person's graph and several people's.
_COMMON = {"Reshape": 0.0, "truediv": PIXEL_SCALE, "sub_1/y": 1.0}
CONSTANTS = {
    False: _COMMON | {"add_5/y": EPSILON},
    True: _COMMON | {"TopKV2/k": PEOPLE, "Less/y": PLATEAU, "mul_6/y": REACH, "Greater_1/y": COUNTED},
}


def graph_name(key: str, boxes: bool = False) -> str:
    """The graph's name for a key of MoveNet's state dict; with boxes that of MultiPose's graph."""
    part, *path, kind = key.split(".")
    if part in _HEADS:
        order = (_MULTI if boxes else _SINGLE).index(part)
        return _head_name(_HEADS[part], 3 + order, 4 + order, ".".join(path), kind)
    folded = "weights" if kind == "weight" else "bn_offset"
    plain = "Conv2D/ReadVariableOp" if kind == "weight" else "BiasAdd/ReadVariableOp"
    match [part, *path]:
        case ["stem"]:
            return f"{_FEATURES}model/Conv1/Conv2D_{folded}"
        case ["last"]:
            return f"{_FEATURES}model/Conv_1/Conv2D_{folded}"
        case ["blocks", number, layer]:
            block = "expanded_conv" if number == "0" else f"block_{number}"
            op = "depthwise" if layer == "depthwise" else "Conv2D"
            return f"{_FEATURES}model/{block}_{layer}/{op}_{folded}"
        case ["pyramid", "lateral", number]:
            return f"{_FEATURES}conv2d{_suffix(number)}/{plain}"
        case ["pyramid", "smooth", number, "depthwise"]:
            return f"{_FEATURES}separable_conv2d{_suffix(number)}/separable_conv2d/ReadVariableOp"
        case ["pyramid", "smooth", number, "pointwise"]:
            return f"{_FEATURES}separable_conv2d{_suffix(number)}/separable_conv2d_{folded}"
    raise WeightsError(f"MoveNet's graph has no counterpart of {key}")


def _suffix(number: str) -> str:
    return "" if number == "0" else f"_{number}"


def _head_name(head: str, separable: int, conv: int, layer: str, kind: str) -> str:
    if layer == "linear":
        op = "Conv2D" if kind == "weight" else "BiasAdd"
        return f"{_ROOT}{head}/conv2d_{conv}/{op}/ReadVariableOp"
    name = f"{_ROOT}{head}/separable_conv2d_{separable}/"
    if kind == "bias":
        return f"{name}BiasAdd/ReadVariableOp"
    return f"{name}separable_conv2d/ReadVariableOp{'_1' if layer.endswith('pointwise') else ''}"


def read_tfjs(model: Path, data: Path) -> dict[str, NDArray[np.generic]]:
    """All tensors of a tfjs graph model by name, in the precision in which they are stored."""
    raw, offset, tensors = data.read_bytes(), 0, {}
    for entry in (e for group in json.loads(model.read_text())["weightsManifest"] for e in group["weights"]):
        dtype = np.dtype(entry.get("quantization", entry)["dtype"])
        count = int(np.prod(entry["shape"], dtype=np.int64))
        if offset + count * dtype.itemsize > len(raw):
            raise WeightsError(f"{data}: {len(raw)} bytes, too short for {entry['name']} of {model.name}")
        tensors[entry["name"]] = np.frombuffer(raw, dtype, count, offset).reshape(entry["shape"])
        offset += count * dtype.itemsize
    if offset != len(raw):
        raise WeightsError(f"{data}: {len(raw)} bytes, expected {offset} from {model.name}")
    return tensors


def to_state(tensors: dict[str, NDArray[np.generic]]) -> dict[str, NDArray[np.generic]]:
    """MoveNet's state dict from the graph's tensors; WeightsError if one is missing, odd or left over."""
    boxes = any(name.startswith(f"{_ROOT}{_HEADS['box_scale']}/") for name in tensors)
    for name, value in CONSTANTS[boxes].items():
        got = tensors.get(_ROOT + name)
        if got is None or not np.all(got == value):
            raise WeightsError(f"constant {name}: got {got}, expected {value}")
    stem = tensors[graph_name("stem.bias")].size
    with torch.device("meta"):
        expected = MoveNet(width=stem / 32, boxes=boxes).state_dict()
    state = {}
    for key, like in expected.items():
        name = graph_name(key, boxes)
        if name not in tensors:
            raise WeightsError(f"the graph has no tensor {name} for {key}")
        state[key] = _as_torch(tensors[name], depthwise="depthwise" in key)
        if state[key].shape != tuple(like.shape):
            raise WeightsError(f"{key}: got {state[key].shape}, expected {tuple(like.shape)}")
    used = {graph_name(key, boxes) for key in state}
    left = [name for name in tensors if name not in used and name.rsplit("/")[-1].startswith(("Conv2D_", "bn_"))]
    if left:
        raise WeightsError(f"the graph's tensors {left[:3]} have no place in the network")
    return state


def _as_torch(array: NDArray[np.generic], depthwise: bool) -> NDArray[np.generic]:
    """[kh, kw, in, out] to [out, in, kh, kw]; depthwise [kh, kw, C, 1] to [C, 1, kh, kw]; biases stay."""
    if array.ndim == 1:
        return array
    return np.ascontiguousarray(array.transpose((2, 3, 0, 1) if depthwise else (3, 2, 0, 1)))


def convert(model: Path, data: Path, out: Path) -> None:
    """Write `out`, whose metadata say where the weights come from. The same input gives the same bytes."""
    state = to_state(read_tfjs(model, data))
    published = json.loads(model.read_text()).get("generatedBy", "unknown")
    digest = hashlib.sha256(data.read_bytes()).hexdigest()
    # A single entry: safetensors writes several in an order that changes from run to run.
    save_file(state, out, {"source": f"{published} (Apache-2.0), from a file with sha256 {digest}"})


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    convert(*(Path(argument) for argument in sys.argv[1:]))
