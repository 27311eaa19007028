"""JsonValue: JSON that somebody else wrote, read, and its values looked at before they are used."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

_WHOLE = 1 << 63  # what a column of whole numbers holds


def read_json(path: Path, parse_constant: Callable[[str], Any] | None = None) -> Any:
    """The value in a file. OSError if it cannot be read; ValueError for what is no JSON, or is nested too deep.

    parse_constant is given the names NaN, Infinity and -Infinity, which are no JSON but are often written.
    """
    try:
        return json.loads(path.read_bytes(), parse_constant=parse_constant)
    except RecursionError:
        raise ValueError("values within values, deeper than anything is meant") from None


def is_number(value: Any) -> bool:
    """Whether a JSON value is a finite number that a float can hold."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def is_whole(value: Any) -> bool:
    """Whether a JSON value is a whole number of 64 bits."""
    return type(value) is int and -_WHOLE <= value < _WHOLE


def is_numbers(value: Any, *counts: int) -> bool:
    """Whether it is a list of finite numbers, as many as one of the counts."""
    return isinstance(value, list) and len(value) in counts and all(map(is_number, value))


def shown(value: Any) -> str:
    """A JSON value for a message, cut where it is long."""
    if isinstance(value, (dict, list)) and len(value) > 60:
        return f"a {'list' if isinstance(value, list) else 'object'} of {len(value)}"
    try:
        text = repr(value)
    except (RecursionError, ValueError):  # nested, or a number of more than 4,300 digits
        return f"a {type(value).__name__} beyond measure"
    return text if len(text) <= 60 else f"{text[:57]}..."
