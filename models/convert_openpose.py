"""Conversion of OpenPose thin's published frozen graph to safetensors, fp32 as published.

python -m posebeam.models.convert_openpose GRAPH_OPT.pb OUT.safetensors
"""

import hashlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.numpy import save_file

from posebeam.models.networks.openpose_thin import OpenPoseThin
from posebeam.transforms.errors import WeightsError

# Field numbers of TensorFlow's messages: GraphDef, NodeDef, the map of attributes, AttrValue, TensorProto.
_NODE = 1
_NAME, _OP, _ATTRIBUTE = 1, 2, 5
_KEY, _VALUE = 1, 2
_TENSOR = 8
_DTYPE, _SHAPE, _CONTENT = 1, 2, 4
_DIMENSION, _SIZE = 2, 1
_FLOAT = 1  # of DataType
_VARINT, _BYTES = 0, 2  # wire types
_FIXED = {1: 8, 5: 4}


def graph_name(key: str) -> str:
    """The graph's name for a key of OpenPoseThin's state dict."""
    part, *path = key.split(".")
    kind = path.pop()
    match [part, *path]:
        case ["stem"]:
            layer, depth = "MobilenetV1/Conv2d_0", ""
        case ["blocks", number, depth]:
            layer = f"MobilenetV1/Conv2d_{int(number) + 1}"
        case ["stages", stage, branch, number, depth]:
            # A ReLU stands between the layers of a branch.
            side = {"fields": "L1", "heats": "L2"}[branch]
            layer = f"Openpose/MConv_Stage{int(stage) + 1}_{side}_{int(number) // 2 + 1}"
        case _:
            raise WeightsError(f"OpenPose's graph has no counterpart of {key}")
    layer += f"_{depth}" if depth else ""
    if depth == "depthwise":
        return f"{layer}/depthwise_weights"
    return f"{layer}/weights" if kind == "weight" else f"{layer}/Conv2D_bn_offset"


def read_graph(path: Path) -> dict[str, NDArray[np.float32]]:
    """All float constants of a frozen graph by name; the rest of the graph is passed over, nothing is run."""
    tensors = {}
    try:
        for node in _message(memoryview(path.read_bytes()))[_NODE]:
            if (found := _constant(_message(node))) is not None:
                tensors[found[0]] = found[1]
    except (IndexError, KeyError, TypeError, ValueError) as error:
        raise WeightsError(f"{path}: damaged, or no frozen TensorFlow graph ({error})") from error
    return tensors


def _constant(node: dict[int, list[Any]]) -> tuple[str, NDArray[np.float32]] | None:
    """Name and value of a node that is a float constant [...]; None of another."""
    if bytes(node[_OP][0]) != b"Const":
        return None
    attributes = {bytes(each[_KEY][0]): each[_VALUE][0] for each in map(_message, node[_ATTRIBUTE])}
    tensor = _message(_message(attributes[b"value"])[_TENSOR][0])
    if tensor[_DTYPE][0] != _FLOAT:
        return None
    shape = [_message(size)[_SIZE][0] for size in _message(tensor[_SHAPE][0])[_DIMENSION]]
    return bytes(node[_NAME][0]).decode(), np.frombuffer(tensor[_CONTENT][0], "<f4").reshape(shape)


def _message(data: memoryview) -> dict[int, list[Any]]:
    """A message's values by field number."""
    values: dict[int, list[Any]] = {}
    for field, value in _fields(data):
        values.setdefault(field, []).append(value)
    return values


def _fields(data: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Number and value of each field of a protobuf message: an integer, or bytes."""
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        field, wire = tag >> 3, tag & 7
        if wire == _VARINT:
            value, at = _varint(data, at)
            yield field, value
            continue
        size, at = _varint(data, at) if wire == _BYTES else (_FIXED[wire], at)
        if at + size > len(data):
            raise ValueError(f"cut off: {at + size - len(data)} bytes missing")
        yield field, data[at : at + size]
        at += size


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    """A number in groups of seven bits, lowest first, and where it ends."""
    value = shift = 0
    while True:
        value |= (data[at] & 127) << shift
        at, shift = at + 1, shift + 7
        if data[at - 1] < 128:
            return value, at


def to_state(tensors: dict[str, NDArray[np.float32]]) -> dict[str, NDArray[np.float32]]:
    """OpenPoseThin's state dict from the graph's tensors; WeightsError if one is missing, odd or left over."""
    with torch.device("meta"):
        expected = OpenPoseThin().state_dict()
    state = {}
    for key, like in expected.items():
        name = graph_name(key)
        if name not in tensors:
            raise WeightsError(f"the graph has no tensor {name} for {key}")
        state[key] = _as_torch(tensors[name], depthwise="depthwise" in key)
        if state[key].shape != tuple(like.shape):
            raise WeightsError(f"{key}: got {state[key].shape}, expected {tuple(like.shape)}")
    left = sorted(tensors.keys() - {graph_name(key) for key in state})
    if left:
        raise WeightsError(f"the graph's tensors {left[:3]} have no place in the network")
    return state


def _as_torch(array: NDArray[np.float32], depthwise: bool) -> NDArray[np.float32]:
    """[kh, kw, in, out] to [out, in, kh, kw]; depthwise [kh, kw, C, 1] to [C, 1, kh, kw]; biases stay."""
    if array.ndim == 1:
        return array
    return np.ascontiguousarray(array.transpose((2, 3, 0, 1) if depthwise else (3, 2, 0, 1)))


def convert(graph: Path, out: Path) -> None:
    """Write `out`, whose metadata say where the weights come from. The same input gives the same bytes."""
    digest = hashlib.sha256(graph.read_bytes()).hexdigest()
    source = f"tf-pose-estimation, mobilenet_thin (Apache-2.0), from a file with sha256 {digest}"
    # A single entry: safetensors writes several in an order that changes from run to run.
    save_file(to_state(read_graph(graph)), out, {"source": source})


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    convert(*(Path(argument) for argument in sys.argv[1:]))
