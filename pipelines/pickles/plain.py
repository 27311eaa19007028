"""PlainPickle: pickles of plain values and numpy arrays, read without importing or calling anything they name.

pickle.load does what a file says. Here pickletools.genops takes the file apart, and a small machine rebuilds dict,
list, tuple, text, whole and floating numbers, bool, None and arrays of numbers: of protocols 2 to 5, as Python and
numpy 1 and 2 write them. Names of functions are compared with the few in which numpy describes an array; nothing
is looked up by them. Arrays stay in the file until they are read, so lies about sizes cost nothing.
"""

import pickletools
import struct
from collections.abc import Callable
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import IO, Any, cast

from posebeam.pipelines.pickles.names import Name, called, name_of
from posebeam.pipelines.pickles.stored_array import Payload, RefusedError, StoredArray, StoredDtype
from posebeam.transforms.errors import SourceError

STEPS = 20_000_000  # at most, each of 100 bytes or less in memory: NTU RGB+D 120 (114,480 clips) takes half of it
SHORT = 1024  # characters of a text that is held; a longer one can only be an array's content
_MARKS = 64  # that are open at once
_INT = 1 << 63
# Bytes that an opcode with a content takes before it.
_CONTENTS = {
    "SHORT_BINBYTES": 2, "BINBYTES": 5, "BINBYTES8": 9, "BYTEARRAY8": 9,
    "SHORT_BINUNICODE": 2, "BINUNICODE": 5, "BINUNICODE8": 9,
}  # fmt: skip
_VALUES = ("BININT", "BININT1", "BININT2", "BINFLOAT", "LONG1")
_FRESH: dict[str, Callable[[], Any]] = {
    "EMPTY_DICT": dict, "EMPTY_LIST": list, "EMPTY_TUPLE": tuple,
    "NONE": lambda: None, "NEWTRUE": lambda: True, "NEWFALSE": lambda: False,
}  # fmt: skip
_TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
_DAMAGE = (ValueError, IndexError, KeyError, TypeError, OverflowError, MemoryError, struct.error)


def read_plain_pickle(path: Path) -> Any:
    """The value in the file, with a StoredArray wherever an array of numbers is.

    SourceError, saying at which byte, for a file that is cut short or damaged, names what no plain array needs,
    holds arrays of objects or of another size than they say, or takes more than STEPS steps.
    """
    try:
        with path.open("rb") as file:
            content = mmap(file.fileno(), 0, access=ACCESS_READ)
    except (OSError, ValueError) as error:
        raise SourceError(f"{path} cannot be read as a pickle: {error}") from error
    machine, at = _Machine(content), 0
    try:
        for count, (opcode, arg, position) in enumerate(pickletools.genops(cast(IO[bytes], content))):
            at = position or 0
            if count >= STEPS:
                raise RefusedError(f"more than {STEPS:,} steps, expected fewer")
            machine.step(opcode.name, arg, at)
        return machine.result()
    except RefusedError as error:
        raise SourceError(f"{path}, byte {at}: {error}. Nothing in it was run") from None
    except _DAMAGE as error:
        raise SourceError(
            f"{path}, byte {at}: a pickle that is cut short or damaged, or none at all "
            f"({type(error).__name__}: {str(error)[:200]}). Nothing in it was run"
        ) from None


def _number(value: float) -> float:
    if type(value) is int and not -_INT <= value < 2 * _INT:
        raise RefusedError("a whole number of more than 64 bits")
    return value


class _Machine:
    """Stack, marks and memo as pickle has them."""

    def __init__(self, content: mmap) -> None:
        self._content = content
        self._stack: list[Any] = []
        self._below: list[list[Any]] = []  # what lay under each open mark
        self._memo: dict[int, Any] = {}
        self._acts: dict[str, Callable[[Any], None]] = {
            "PROTO": lambda _: None, "FRAME": lambda _: None, "STOP": lambda _: None, "MARK": self._mark,
            "TUPLE": lambda _: self._push(tuple(self._marked())),
            "APPEND": lambda _: self._append(self._popped(1)), "APPENDS": lambda _: self._append(self._marked()),
            "SETITEM": lambda _: self._set(self._popped(2)), "SETITEMS": lambda _: self._set(self._marked()),
            "BINPUT": self._put, "LONG_BINPUT": self._put, "MEMOIZE": lambda _: self._put(len(self._memo)),
            "BINGET": self._get, "LONG_BINGET": self._get,
            "GLOBAL": lambda arg: self._push(name_of(arg.split(" ", 1))),
            "STACK_GLOBAL": lambda _: self._push(name_of(self._popped(2))),
            "REDUCE": self._reduce, "BUILD": self._build,
        }  # fmt: skip

    def step(self, name: str, arg: Any, at: int) -> None:
        """Do one opcode that stands at a byte."""
        if name in _CONTENTS:
            self._stack.append(self._content_of(name, arg, at + _CONTENTS[name]))
        elif name in _VALUES:
            self._stack.append(_number(arg))
        elif name in _FRESH:
            self._stack.append(_FRESH[name]())
        elif name in _TUPLES:
            self._stack.append(tuple(self._popped(_TUPLES[name])))
        elif name in self._acts:
            self._acts[name](arg)
        else:
            raise RefusedError(f"the opcode {name}, which no plain value and no array of numbers needs")

    def result(self) -> Any:
        """The one value that is left at the end."""
        if len(self._stack) != 1 or self._below:
            raise RefusedError(f"{len(self._stack)} values at the end, expected one")
        return self._stack[0]

    def _content_of(self, name: str, arg: str | bytes, start: int) -> str | Payload:
        """A short text itself; of bytes and long texts where they lie."""
        if isinstance(arg, str) and len(arg) <= SHORT:
            return arg
        size = len(arg.encode("utf-8", "surrogatepass")) if isinstance(arg, str) else len(arg)
        return Payload(self._content, start, start + size, len(arg), isinstance(arg, str))

    def _mark(self, _: Any) -> None:
        if len(self._below) == _MARKS:
            raise RefusedError(f"more than {_MARKS} values within each other")
        self._below.append(self._stack)
        self._stack = []

    def _push(self, value: Any) -> None:
        self._stack.append(value)  # looked up now: a mark's end changes the stack

    def _marked(self) -> list[Any]:
        """What was put down since the last mark."""
        values, self._stack = self._stack, self._below.pop()
        return values

    def _popped(self, n: int) -> list[Any]:
        if len(self._stack) < n:
            raise RefusedError("a step that takes more values than there are")
        values = self._stack[-n:]
        del self._stack[-n:]
        return values

    def _append(self, values: list[Any]) -> None:
        if type(self._stack[-1]) is not list:
            raise RefusedError("values appended to something that is no list")
        self._stack[-1].extend(values)

    def _set(self, values: list[Any]) -> None:
        """Keys are texts and whole numbers: a tuple of tuples of tuples would be hashed for ever."""
        if type(self._stack[-1]) is not dict or len(values) % 2:
            raise RefusedError("keys and values set in something that is no dict")
        if any(type(key) not in (str, int) for key in values[::2]):
            raise RefusedError("a key that is neither text nor whole number")
        self._stack[-1].update(zip(values[::2], values[1::2], strict=True))

    def _put(self, index: int) -> None:
        self._memo[index] = self._stack[-1]

    def _get(self, index: int) -> None:
        self._stack.append(self._memo[index])

    def _reduce(self, _: Any) -> None:
        """What a call would give, for the calls in which arrays are described."""
        name, args = self._popped(2)
        if not isinstance(name, Name) or type(args) is not tuple:
            raise RefusedError("a call of something that is no name")
        self._stack.append(called(name, args))

    def _build(self, _: Any) -> None:
        """What arrays and their dtypes are told of themselves; nothing else is told anything."""
        target, state = self._popped(2)
        self._stack.append(target)
        if isinstance(target, StoredDtype):
            target.build(state)
        elif isinstance(target, StoredArray) and type(state) is tuple and len(state) == 5 and not target.is_built:
            target.build(*state[1:])
        else:
            raise RefusedError("a state for something that is no array")
