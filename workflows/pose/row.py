"""PoseRow: the row of a backbone that is trained with numbers of its own, an input or fewer layers say."""

import re
from collections.abc import Mapping
from dataclasses import replace
from inspect import signature
from typing import Any

import torch
from torch import nn

from posebeam.models.assembly import named
from posebeam.models.cost import macs
from posebeam.models.row import Row
from posebeam.transforms.errors import ConfigError


def read_size(text: str) -> tuple[int, int] | None:
    """HEIGHTxWIDTH to both, "" to None."""
    if not text:
        return None
    if not (found := re.fullmatch(r"(\d{1,5})x(\d{1,5})", text)):
        raise ConfigError(f"input {text!r}: expected HEIGHTxWIDTH in pixels, 256x192 say")
    return int(found[1]), int(found[2])


def trained_row(row: Row, size: tuple[int, int] | None, numbers: Mapping[str, Any]) -> Row:
    """The row with an input of size (h, w) and other arguments of its network, its costs counted again.

    numbers take the place of the row's arguments. A network whose positions are made for a size is told it.
    ConfigError if it does not take one of the numbers, or no picture of that size.
    """
    if not size and not numbers:
        return row
    height, width = size or row.input
    if row.view == "top-down" and (height % 32 or width % 32):
        raise ConfigError(
            f"input {height}x{width}: expected multiples of 32, as networks halve pictures five times"
        )
    arguments = {**row.arguments, **numbers}
    takes = signature(named(row.network)).parameters
    if unknown := arguments.keys() - takes.keys():
        raise ConfigError(f"backbone {row.name} has no {', '.join(sorted(unknown))}; it takes {', '.join(takes)}")
    if "image" in takes:
        arguments["image"] = [height, width]
    with torch.device("meta"):
        network: nn.Module = named(row.network)(**arguments)
    return replace(
        row,
        input=(height, width),
        arguments=arguments,
        parameters=sum(parameter.numel() for parameter in network.parameters()),
        macs=macs(network, (height, width)),
        weights=None,
        published=(),
    )
