"""ActH5: published AcT weights in Keras' HDF5 form, read without Keras.

Names and order: github.com/PIC4SeR/AcT (save_weights of Keras 2). Numbers in the names grow from file to file, so
arrays are told apart by their order, and every shape is checked before anything is read. A file may point
elsewhere (external links, virtual data sets, foreign storage) or ask for filters to be loaded: such are refused.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from posebeam.models.networks.act import FEATURES, SIZES, AcT, build_act
from posebeam.transforms.errors import WeightsError

if TYPE_CHECKING:
    import h5py

_LAYERS = ("input", "dense", "patch_class_embedding", "transformer_encoder", "lambda")  # by how names begin
_PARTS = ("q", "k", "v", "o", "ff1", "ff2", "norm1", "norm2")
_MOST = 10_000  # classes, or frames: what is larger is no AcT


@dataclass(frozen=True, eq=False)
class ActH5:
    """What a file holds: the size's name, frames of a window, classes, and the network in eval mode."""

    size: str
    length: int
    classes: int
    network: AcT


def read_act_h5(path: Path) -> ActH5:
    """The network of a file of Keras weights; WeightsError, saying what was found, if it is no AcT's."""
    import h5py

    if path.is_dir():
        raise WeightsError(f"{path} is a folder, expected one file of Keras weights")
    try:
        with h5py.File(path, "r") as file:
            return _read(path, list(_data_sets(path, file)))
    except (OSError, KeyError, RuntimeError, ValueError, TypeError) as error:
        raise WeightsError(f"{path} is no HDF5 file that can be read: {error}") from error


def _data_sets(path: Path, file: "h5py.File") -> "list[tuple[str, h5py.Dataset]]":
    """Names and data sets in Keras' order of layers, and of weights within them."""
    root: Any = file if "layer_names" in file.attrs else _follow(path, file, "model_weights", missing=file)
    if "layer_names" not in root.attrs:
        raise WeightsError(
            f"{path} has no attribute layer_names: expected weights saved by Keras 2 (save_weights)"
        )
    found = []
    for layer in _names(path, root, "layer_names"):
        if not layer.startswith(_LAYERS):
            raise WeightsError(f"{path} has a layer {layer!r} that AcT has not; it has {', '.join(_LAYERS)}")
        group = _follow(path, root, layer)
        found += [(f"{layer}/{name}", _follow(path, group, name)) for name in _names(path, group, "weight_names")]
    return found


def _names(path: Path, group: Any, attribute: str) -> list[str]:
    """A list of texts in an attribute."""
    values = np.atleast_1d(group.attrs.get(attribute, np.array([], "S1"))).tolist()
    names = [value.decode() if isinstance(value, bytes) else value for value in values]
    if not all(isinstance(name, str) for name in names):
        raise WeightsError(f"{path}: {attribute} of {group.name} is no list of names")
    return names


def _follow(path: Path, group: Any, name: str, missing: Any = None) -> Any:
    """What stands under a name with slashes, by links within this file only."""
    import h5py

    for step in name.strip("/").split("/"):
        link = group.get(step, getlink=True) if isinstance(group, h5py.Group) else None
        if link is None and missing is not None:
            return missing
        if link is None:
            raise WeightsError(f"{path}: {name!r} is named but is not there")
        if not isinstance(link, h5py.HardLink):
            kind = type(link).__name__
            raise WeightsError(f"{path}: {name!r} is a link to elsewhere ({kind}); a file of weights needs none")
        group = group[step]
    return group


def _read(path: Path, found: "list[tuple[str, h5py.Dataset]]") -> ActH5:
    """Recognise the size by shapes, hold every shape against it, and only then read."""
    for name, array in found:
        _check(path, name, array)
    shapes = [tuple(array.shape) for _, array in found]
    size, length, classes = _recognise(path, shapes)
    network = build_act(size, classes, length).eval()
    names, own = listing(SIZES[size].layers), network.state_dict()
    for (name, _), shape, tensor in zip(found, shapes, names, strict=True):
        expected = tuple(own[tensor].T.shape if _is_kernel(tensor) else own[tensor].shape)
        if shape != expected:
            raise WeightsError(f"{path}: {name} is {list(shape)}, expected {list(expected)} in an act-{size}")
    network.load_state_dict(
        {tensor: _tensor(path, tensor, *pair) for tensor, pair in zip(names, found, strict=True)}
    )
    return ActH5(size, length, classes, network)


def listing(layers: int) -> list[str]:
    """Names of AcT's tensors in the order of Keras' list, for a number of encoder layers."""
    parts = [f"layers.{index}.{part}" for index in range(layers) for part in _PARTS]
    return [
        "embed.weight", "embed.bias", "class_token", "position",
        *(f"{part}.{kind}" for part in (*parts, "head1", "head2") for kind in ("weight", "bias")),
    ]  # fmt: skip


def _is_kernel(tensor: str) -> bool:
    """Whether Keras holds it as [in, out] where torch has [out, in]."""
    return tensor.endswith(".weight") and "norm" not in tensor


def _check(path: Path, name: str, array: Any) -> None:
    """WeightsError unless it is a plain array of floats in this very file."""
    import h5py

    if not isinstance(array, h5py.Dataset) or array.dtype.kind != "f":
        what = f"data of type {array.dtype}" if isinstance(array, h5py.Dataset) else "a group"
        raise WeightsError(f"{path}: {name} is {what}, expected an array of floats")
    if array.is_virtual or array.external or array.id.get_create_plist().get_nfilters():
        raise WeightsError(f"{path}: {name} is stored elsewhere or through filters; Keras stores plain arrays")


def _recognise(path: Path, shapes: list[tuple[int, ...]]) -> tuple[str, int, int]:
    """(size, frames, classes) by the first arrays and the last."""
    counts = {len(listing(size.layers)): name for name, size in SIZES.items()}
    known = ", ".join(f"{name} {size.width} wide with {size.layers} layers" for name, size in SIZES.items())
    if len(shapes) not in counts or len(shapes[0]) != 2 or len(shapes[3]) != 2 or len(shapes[-1]) != 1:
        raise WeightsError(f"{path} holds {len(shapes)} arrays, first {shapes[:1]}: no AcT; known are {known}")
    features, width = shapes[0]
    sizes = [
        name for name, size in SIZES.items() if (size.width, len(listing(size.layers))) == (width, len(shapes))
    ]
    if not sizes or features != FEATURES:
        raise WeightsError(
            f"{path}: takes {features} features, {width} wide, {len(shapes)} arrays; "
            f"expected {FEATURES} features and one of {known}"
        )
    length, classes = shapes[3][0] - 1, shapes[-1][0]
    if not (1 <= length <= _MOST and 2 <= classes <= _MOST):
        raise WeightsError(f"{path}: windows of {length} frames and {classes} classes are no AcT's")
    return sizes[0], length, classes


def _tensor(path: Path, tensor: str, name: str, array: Any) -> Tensor:
    values = np.asarray(array[()], np.float32)
    if not np.isfinite(values).all():
        raise WeightsError(f"{path}: {name} holds values that are not finite")
    return torch.from_numpy(np.ascontiguousarray(values.T if _is_kernel(tensor) else values))
