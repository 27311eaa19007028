"""Device: where a network runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from posebeam.transforms.errors import ConfigError

if TYPE_CHECKING:
    import torch


def choose_device(name: str) -> torch.device:
    """auto, cpu or cuda to a torch device; ConfigError if it is not there."""
    import torch

    if name not in ("auto", "cpu", "cuda"):
        raise ConfigError(f"device {name!r}, expected auto, cpu or cuda")
    there = torch.cuda.is_available()
    if name == "cuda" and not there:
        raise ConfigError("device cuda: torch sees no CUDA device here; take --device cpu or auto")
    return torch.device("cuda" if there and name != "cpu" else "cpu")
