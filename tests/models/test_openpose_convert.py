"""The conversion of OpenPose thin's frozen graph, and what it refuses."""

import numpy as np
import pytest
from safetensors.numpy import load_file

from posebeam.models import convert_openpose, registry
from posebeam.models.weights import locate
from posebeam.transforms.errors import WeightsError


def test_weights_are_those_of_the_published_graph(openpose_graph, tmp_path):
    out = tmp_path / "out.safetensors"
    convert_openpose.convert(openpose_graph, out)
    assert out.read_bytes() == locate("openpose-thin", registry.row("openpose-thin").weights).read_bytes()


def field(number: int, content: bytes | int) -> bytes:
    """A field of a protobuf message."""
    if isinstance(content, int):
        return varint(number << 3) + varint(content)
    return varint(number << 3 | 2) + varint(len(content)) + content


def varint(value: int) -> bytes:
    groups = [value & 127]
    while value := value >> 7:
        groups.append(value & 127)
    return bytes([*(group | 128 for group in groups[:-1]), groups[-1]])


def constant(name: str, value: np.ndarray) -> bytes:
    """A node of a frozen graph."""
    shape = b"".join(field(2, field(1, size)) for size in value.shape)
    tensor = field(1, 1) + field(2, shape) + field(4, value.astype("<f4").tobytes())
    attribute = field(1, b"value") + field(2, field(8, tensor))
    return field(1, field(1, name.encode()) + field(2, b"Const") + field(5, attribute))


@pytest.fixture(scope="module")
def frozen() -> tuple[dict[str, np.ndarray], bytes]:
    """The embedded weights, and the same as the bytes of a frozen graph with a node that is no constant."""
    state = load_file(locate("openpose-thin", registry.row("openpose-thin").weights))
    nodes = [field(1, field(1, b"image") + field(2, b"Placeholder"))]
    for key, value in state.items():
        turned = (
            value if value.ndim == 1 else value.transpose((2, 3, 0, 1) if "depthwise" in key else (2, 3, 1, 0))
        )
        nodes.append(constant(convert_openpose.graph_name(key), turned))
    return state, b"".join(nodes)


def test_conversion_finds_every_tensor(frozen, tmp_path):
    state, data = frozen
    path, out, twice = tmp_path / "graph.pb", tmp_path / "out.safetensors", tmp_path / "twice.safetensors"
    path.write_bytes(data)
    convert_openpose.convert(path, out)
    convert_openpose.convert(path, twice)
    assert out.read_bytes() == twice.read_bytes()
    again = load_file(out)
    assert again.keys() == state.keys()
    assert all(np.array_equal(again[key], state[key]) for key in state)


def test_conversion_refuses_what_is_cut_off_or_another_graph(frozen, tmp_path):
    path = tmp_path / "graph.pb"
    path.write_bytes(frozen[1][:-10])
    with pytest.raises(WeightsError, match="damaged"):
        convert_openpose.read_graph(path)
    path.write_bytes(b"no graph at all")
    with pytest.raises(WeightsError, match="damaged"):
        convert_openpose.read_graph(path)
    path.write_bytes(frozen[1])
    tensors = convert_openpose.read_graph(path)
    with pytest.raises(WeightsError, match="no tensor Openpose/MConv_Stage3_L1_5_depthwise/depthwise_weights"):
        convert_openpose.to_state({k: v for k, v in tensors.items() if "Stage3_L1_5" not in k})
    with pytest.raises(WeightsError, match=r"stem.weight: got \(24,\)"):
        convert_openpose.to_state(tensors | {"MobilenetV1/Conv2d_0/weights": np.zeros(24, np.float32)})
    with pytest.raises(WeightsError, match=r"\['stray'\] have no place"):
        convert_openpose.to_state(tensors | {"stray": np.zeros(1, np.float32)})
