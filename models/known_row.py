"""KnownRow: what a row from elsewhere may say. Nothing that the table's own rows do not say, but for its numbers.

Networks, estimators and decoders are names of this package's code, so a row that says others could run anything.
"""

import math
import re
from pathlib import Path
from typing import Any

from posebeam.models.row import Row
from posebeam.models.table import rows
from posebeam.transforms.errors import ConfigError

MOST = 4096  # the largest number of an argument, and of pixels a side: no row of ours has one near it
MOST_OF_A_KIND = 16  # values of one argument: a number for each stage, say
# What networks take beside the arguments that backbones.toml gives them.
ARGUMENTS = (
    "auxiliary", "dropout", "feedforward", "heads", "image", "joints", "layers", "position", "queries", "width",
)  # fmt: skip
_ALIKE = ("estimator", "skeleton", "view", "follows", "framing")  # these follow from the network
_PLAIN: dict[type, tuple[str, ...]] = {
    str: ("network", "estimator", "colour", "view", "paper", "skeleton", "framing"),
    int: ("parameters", "macs", "chunk"),
    bool: ("follows", "graph"),
}


def require_known(row: Row, path: Path) -> None:
    """ConfigError, naming the file, unless network, estimator, decoders, detector and the arguments' names are the
    table's, and its words and numbers plain.
    """
    _check_kinds(row, path)
    _check_names(row, path)
    _check_numbers(row, path)


def _check_kinds(row: Row, path: Path) -> None:
    if not isinstance(row.arguments, dict):
        raise ConfigError(f"{path}: arguments {row.arguments!r}, expected {{ name = number }}")
    for kind, columns in _PLAIN.items():
        for column in columns:
            value = getattr(row, column)
            if type(value) is not kind or (isinstance(value, str) and not value.isprintable()):
                raise ConfigError(f"{path}: {column} {value!r}, expected a plain {kind.__name__}")


def _check_names(row: Row, path: Path) -> None:
    """ConfigError unless the row names what the table's rows of its network name."""
    kin = [each for each in rows() if each.network == row.network]
    _require(path, "network", row.network, [each.network for each in rows()])
    for column in _ALIKE:
        _require(path, column, getattr(row, column), [getattr(each, column) for each in kin])
    decoders = [(way, named) for each in kin for way, named in each.decoders.items()]
    for decoder in row.decoders.items():
        _require(path, "decoder", decoder, decoders)
    if row.detector is not None:
        _require(path, "detector", row.detector, [each.name for each in rows()])
    known = {*ARGUMENTS, *(name for each in kin for name in each.arguments)}
    for name in row.arguments:
        _require(path, f"argument of {row.network}", name, sorted(known))


def _require(path: Path, what: str, value: Any, known: list[Any]) -> None:
    if value not in known:
        said = ", ".join(dict.fromkeys(each if isinstance(each, str) else repr(each) for each in known))
        raise ConfigError(f"{path}: {what} {value!r}, expected one of the table's: {said}")


def _check_numbers(row: Row, path: Path) -> None:
    if not all(type(side) is int and side <= MOST for side in row.input):
        raise ConfigError(f"{path}: input {list(row.input)}, expected height and width, at most {MOST} pixels")
    if not 1 <= row.chunk <= MOST:
        raise ConfigError(f"{path}: chunk {row.chunk}, expected 1 to {MOST} pictures")
    for name, value in row.arguments.items():
        each = value if isinstance(value, list) else [value]
        if len(each) > MOST_OF_A_KIND or not all(map(_is_plain, each)):
            raise ConfigError(f"{path}: argument {name} {value!r}, expected words, or numbers up to {MOST}")


def _is_plain(value: Any) -> bool:
    """A number that a network may have, or a word."""
    if isinstance(value, (int, float)):
        return math.isfinite(value) and 0 <= value <= MOST
    return isinstance(value, str) and re.fullmatch(r"[a-z0-9-]{1,40}", value) is not None
