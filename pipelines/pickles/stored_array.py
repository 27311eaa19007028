"""StoredArray: an array of numbers as it lies in a pickle file, checked before anything of it is read."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from mmap import mmap
from typing import Any

import numpy as np
from numpy.typing import NDArray

_DTYPE = re.compile(r"[<>|=]?(b1|[iu][1248]|f[248])")
_DIMENSIONS = 8


class RefusedError(ValueError):
    """A pickle holds what no plain value or array of numbers is."""


@dataclass(frozen=True)
class Payload:
    """Bytes in a file from start to stop; as text: one byte a character, written in UTF-8 as protocol 2 does."""

    content: mmap | bytes
    start: int
    stop: int
    size: int
    text: bool = False

    def read(self) -> bytes:
        """The bytes; ValueError for a text that holds other characters."""
        raw = self.content[self.start : self.stop]
        return raw.decode("utf-8").encode("latin1") if self.text else raw


class StoredDtype:
    """A dtype of numbers on its way: what the file calls it, then its byte order. Objects have none."""

    __slots__ = ("value",)

    def __init__(self, *args: Any) -> None:
        if not args or not isinstance(args[0], str) or not _DTYPE.fullmatch(args[0]):
            name = args[0][:20] if args and isinstance(args[0], str) else "something else"
            raise RefusedError(f"an array of {name!r}, expected numbers: b1, i1 to u8, f2, f4, f8")
        self.value = np.dtype(args[0])

    def build(self, state: Any) -> None:
        """Take in what numpy's dtypes say of themselves: the byte order, and no field, shape or name."""
        if not isinstance(state, tuple) or len(state) < 5 or state[1] not in ("<", ">", "|", "="):
            raise RefusedError("a dtype whose state is not as numpy writes it")
        if any(part is not None for part in state[2:5]):
            raise RefusedError("a dtype with fields, expected plain numbers")
        self.value = self.value.newbyteorder(state[1] if state[1] in "<>" else "=")


class StoredArray:
    """An array [shape] of dtype: where it lies is known, what it holds is read when asked for."""

    __slots__ = ("dtype", "fortran", "payload", "shape")

    shape: tuple[int, ...]
    dtype: "np.dtype[Any]"
    payload: Payload
    fortran: bool

    def build(self, shape: Any, dtype: Any, fortran: bool, payload: Any) -> "StoredArray":
        """Take in what the file says; RefusedError unless shape and dtype are as long as the bytes."""
        if not isinstance(dtype, StoredDtype) or not isinstance(payload, Payload):
            raise RefusedError("an array that does not hold plain numbers")
        if not _is_shape(shape):
            raise RefusedError("an array whose shape is no list of a few numbers")
        expected = prod(shape) * dtype.value.itemsize
        if expected != payload.size:
            raise RefusedError(f"an array {list(shape)} of {dtype.value} in {payload.size} bytes, not {expected}")
        self.shape, self.dtype, self.fortran, self.payload = tuple(shape), dtype.value, bool(fortran), payload
        return self

    @property
    def is_built(self) -> bool:
        """Whether the file said what is in it."""
        return hasattr(self, "shape")

    def read(self) -> NDArray[Any]:
        """The array, of the machine's byte order; ValueError if its content is no bytes."""
        flat = np.frombuffer(self.payload.read(), self.dtype).astype(self.dtype.newbyteorder("="))
        return flat.reshape(self.shape[::-1]).transpose() if self.fortran else flat.reshape(self.shape)


def _is_shape(shape: Any) -> bool:
    few = isinstance(shape, tuple | list) and len(shape) <= _DIMENSIONS
    return few and all(type(side) is int and side >= 0 for side in shape)


def scalar(dtype: Any, payload: Any, shape: Sequence[int] = ()) -> int | float | bool:
    """One number of numpy's as Python's."""
    value: int | float | bool = StoredArray().build(tuple(shape), dtype, False, payload).read().item()
    return value
