"""PickleWriter: one value to a pickle file piece by piece: in memory is what is being written.

Arrays are named as numpy 1 and 2 both know them: what numpy 2 pickles itself, numpy 1.25 cannot load.
"""

import pickle
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from math import prod
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

_PROTOCOL = 4  # of the file; single values are written as in 3, where numbers of the memo are told, not counted
_FLOAT = np.dtype("<f4")


class PickleWriter:
    """Writes opcodes to an open file, from the first to the last of one value.

    with PickleWriter(file) as writer, writer.dict(): writer.value("key"); writer.value(1)
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def __enter__(self) -> "PickleWriter":
        self._file.write(pickle.PROTO + bytes([_PROTOCOL]))
        return self

    def __exit__(self, *error: object) -> None:
        self._file.write(pickle.STOP)

    @contextmanager
    def dict(self) -> Iterator[None]:
        """Keys and values in turn, as they are written within."""
        self._file.write(pickle.EMPTY_DICT + pickle.MARK)
        yield
        self._file.write(pickle.SETITEMS)

    @contextmanager
    def list(self) -> Iterator[None]:
        """The entries, as they are written within."""
        self._file.write(pickle.EMPTY_LIST + pickle.MARK)
        yield
        self._file.write(pickle.APPENDS)

    def value(self, value: Any) -> None:
        """A plain value, whole: without the protocol that begins and the stop that ends it."""
        self._file.write(pickle.dumps(value, 3)[2:-1])

    def array(self, shape: Sequence[int], pieces: Iterable[NDArray[np.float32]]) -> None:
        """A float32 array [shape], in C order, of pieces that make it when they stand one after the other.

        ValueError if they are more or fewer than the shape holds.
        """
        self._file.write(_name("numpy.core.multiarray", "_reconstruct") + _name("numpy", "ndarray"))
        self.value((0,))
        self.value(b"b")
        self._file.write(pickle.TUPLE3 + pickle.REDUCE + pickle.MARK)
        self.value(1)
        self.value(tuple(shape))
        self._dtype()
        self.value(False)
        size = prod(shape) * _FLOAT.itemsize
        self._file.write(pickle.BINBYTES8 + size.to_bytes(8, "little"))
        for piece in pieces:
            size -= self._file.write(np.ascontiguousarray(piece, _FLOAT).tobytes())
        if size:
            raise ValueError(f"pieces of an array {list(shape)}: {size} bytes are missing")
        self._file.write(pickle.TUPLE + pickle.BUILD)

    def _dtype(self) -> None:
        self._file.write(_name("numpy", "dtype"))
        self.value(("f4", False, True))
        self._file.write(pickle.REDUCE)
        self.value((3, "<", None, None, None, -1, -1, 0))
        self._file.write(pickle.BUILD)


def _name(module: str, name: str) -> bytes:
    return pickle.GLOBAL + f"{module}\n{name}\n".encode()
