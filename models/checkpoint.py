"""Checkpoint: a file of tensors, read without running anything, and put into a network."""

import argparse
import pickle
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from posebeam.transforms.errors import WeightsError

# Where training programs put the network's tensors inside their checkpoints.
_CONTAINERS = ("state_dict", "model", "model_state_dict", "teacher")
_PLAIN = (
    torch.float64, torch.float32, torch.float16, torch.bfloat16,
    torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8, torch.bool,
)  # fmt: skip


def read(path: Path) -> dict[str, Tensor]:
    """Tensors by name from .safetensors or a torch checkpoint; WeightsError if damaged or holding code."""
    if not path.is_file():
        raise WeightsError(f"{path}: no such file")
    _require_unpacked(path)
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        # Some publications keep their command line's Namespace beside the tensors: a mere record.
        with torch.serialization.safe_globals([argparse.Namespace]):
            content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise WeightsError(
            f"{path}: holds more than tensors, or is no checkpoint; nothing of it was run ({_reason(error)})"
        ) from error
    except Exception as error:  # one changed byte, and torch raises a KeyError, AssertionError, TypeError, ...
        raise WeightsError(
            f"{path}: {path.stat().st_size} bytes, damaged or no checkpoint ({_reason(error)})"
        ) from error
    return _tensors(content, path)


def _require_unpacked(path: Path) -> None:
    """Refuse an archive that says it holds more than its own bytes: torch packs nothing, a bomb does."""
    try:
        with zipfile.ZipFile(path) as archive:
            held = sum(member.file_size for member in archive.infolist())
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError):
        return  # another kind of file, or a damaged one: the reader says so
    if held > path.stat().st_size:
        raise WeightsError(
            f"{path}: {held} bytes packed into {path.stat().st_size}, which torch never does; refused"
        )


def _reason(error: Exception) -> str:
    """The first line of what was said, or what kind of error said nothing."""
    return (str(error).splitlines() or [type(error).__name__])[0][:300]


def _tensors(content: Any, path: Path) -> dict[str, Tensor]:
    """The state dict inside a checkpoint, without the prefix that DataParallel adds."""
    for key in _CONTAINERS:
        if isinstance(content, Mapping) and isinstance(content.get(key), Mapping):
            content = content[key]
    if not isinstance(content, Mapping) or not all(isinstance(value, Tensor) for value in content.values()):
        raise WeightsError(f"{path}: got {type(content).__name__}, expected tensors by name")
    if strange := [str(key)[:80] for key, value in content.items() if not _is_plain(value)]:
        raise WeightsError(f"{path}: {strange[0]!r} is no dense array of plain numbers; refused")
    return {str(key).removeprefix("module."): value for key, value in content.items()}


def _is_plain(value: Tensor) -> bool:
    """Whether it holds ordinary numbers, one after the other, on this machine."""
    return value.layout is torch.strided and value.device.type == "cpu" and value.dtype in _PLAIN


def load(network: nn.Module, path: Path) -> None:
    """Fill the network; WeightsError naming the keys that are missing, left over or of another shape.

    A network whose publication stores other names than its own has a method renamed(state) -> state. Only counters
    of batches, which torch before 0.4.1 did not keep and evaluation does not need, may be missing.
    """
    got, expected = read(path), network.state_dict()
    if renamed := getattr(network, "renamed", None):
        got = renamed(got)
    counters = {key: value for key, value in expected.items() if key.endswith("num_batches_tracked")}
    got = counters | got
    faults = {
        "missing": sorted(expected.keys() - got.keys()),
        "left over": sorted(got.keys() - expected.keys()),
        "of another shape": [
            f"{key} {list(got[key].shape)} for {list(expected[key].shape)}"
            for key in sorted(expected.keys() & got.keys())
            if got[key].shape != expected[key].shape
        ],
        "not finite": [key for key in sorted(expected.keys() & got.keys()) if not got[key].isfinite().all()],
    }
    if any(faults.values()):
        said = "; ".join(
            f"{len(keys)} {fault}: {', '.join(key[:80] for key in keys[:3])}"
            for fault, keys in faults.items()
            if keys
        )
        raise WeightsError(f"{path}: {len(got)} tensors, expected {len(expected)} ({said})")
    network.load_state_dict(got)
