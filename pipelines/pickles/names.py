"""PickledNames: the few names in which numpy and Python describe arrays in a pickle, and what they come to.

They are compared as texts: nothing is imported, looked up or called by a name from a file.
"""

from typing import Any

from posebeam.pipelines.pickles.stored_array import Payload, RefusedError, StoredArray, StoredDtype, scalar

_ARRAYS = ("numpy.core.multiarray", "numpy._core.multiarray")
_BUFFERS = ("numpy.core.numeric", "numpy._core.numeric")
# What a file may name, and what it means here.
_NAMES = {
    ("numpy", "ndarray"): "ndarray",
    ("numpy", "dtype"): "dtype",
    ("_codecs", "encode"): "encode",
    ("__builtin__", "bytes"): "bytes",
    ("builtins", "bytes"): "bytes",
    **{(module, "_reconstruct"): "reconstruct" for module in _ARRAYS},
    **{(module, "scalar"): "scalar" for module in _ARRAYS},
    **{(module, "_frombuffer"): "frombuffer" for module in _BUFFERS},
}


class Name(str):
    """What a name in the file means; its type tells it from a text."""

    __slots__ = ()


def name_of(named: list[Any]) -> Name:
    """The meaning of a module and a name in it; RefusedError if it is not one of the few."""
    if len(named) != 2 or any(type(part) is not str for part in named) or tuple(named) not in _NAMES:
        shown = ".".join(part[:80] if type(part) is str else "?" for part in named)
        raise RefusedError(f"{shown!r} is named, which no plain value and no array of numbers needs")
    return Name(_NAMES[named[0], named[1]])


def called(name: Name, args: tuple[Any, ...]) -> Any:
    """What a call would give, for the calls that numpy writes; RefusedError for others."""
    if name == "dtype" and len(args) in (1, 3):
        return StoredDtype(*args)
    if name == "reconstruct" and len(args) == 3 and isinstance(args[0], Name) and args[0] == "ndarray":
        return StoredArray()
    if name == "scalar" and len(args) == 2:
        return scalar(*args)
    if name == "frombuffer" and len(args) == 4 and args[3] in ("C", "F"):
        return StoredArray().build(args[2], args[1], args[3] == "F", args[0])
    if name == "encode" and len(args) == 2 and args[1] in ("latin1", "latin-1"):
        return _encoded(args[0])
    if name == "bytes" and not args:
        return Payload(b"", 0, 0, 0)
    raise RefusedError(f"{str(name)!r} called with other values than numpy writes")


def _encoded(text: Any) -> Payload:
    """Bytes that protocol 2 wrote as text."""
    if isinstance(text, Payload) and text.text:
        return text
    if type(text) is not str:
        raise RefusedError("bytes made of something that is no text")
    raw = text.encode("latin1")
    return Payload(raw, 0, len(raw), len(raw))
