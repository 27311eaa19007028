"""Damage: good files from elsewhere made bad, and what a reader may do about it: read them, or say so clearly."""

import copy
import json
import resource
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from hypothesis import strategies as st

from posebeam.transforms.errors import PosebeamError

SECONDS = 20.0  # of one processor: no small file takes as long, on whatever machine
MEGABYTES = 300  # that the process may grow by over one small file
LETTERS = 20_000  # of an error: three paths stand in some, but no file of a gigabyte
_RUNS_CODE = ("os.system", "os.exec", "os.posix_spawn", "os.fork", "subprocess.Popen", "pickle.find_class")
_REACHES_OUT = ("socket.connect", "socket.getaddrinfo", "urllib.Request")

# What stands where a reader expected something else.
STRANGE = [
    None, True, False, 0, -1, 1, 17, 2**31, 2**63, -(2**63) - 1, 10**400, 0.5, -0.5, 1e30, 1e308, -1e308, 1e-320,
    float("nan"), float("inf"), "", "0", "x", "x" * 5000, "\0", "\ud800", "a\nb", "../../x", "/etc/passwd", "🏃",
    [], {}, [[]], [None], {"": None}, [1, 2, 3, 4], [0] * 51, [float("nan")] * 51, [1e308] * 51,
]  # fmt: skip


def changed(data: st.DataObject, value: Any) -> Any:
    """A copy of a value of JSON, one to three places of it changed: gone, twice, renamed, or something else."""
    box = [copy.deepcopy(value)]
    for _ in range(data.draw(st.integers(1, 3))):
        if isinstance(box[0], (dict, list)) and box[0]:
            _spoil(data, *_place(data, box))
    return box[0]


def _place(data: st.DataObject, box: list[Any]) -> tuple[Any, Any]:
    """Some container below the box with one of its keys; as many deep places are drawn as shallow ones."""
    holder, key = box, 0
    while (
        isinstance(holder[key], (dict, list)) and holder[key] and (holder is box or data.draw(st.integers(0, 4)))
    ):
        holder = holder[key]
        keys = sorted(holder, key=str) if isinstance(holder, dict) else range(len(holder))
        key = keys[data.draw(st.integers(0, len(keys) - 1))]
    return holder, key


def _spoil(data: st.DataObject, holder: Any, key: Any) -> None:
    act = data.draw(st.sampled_from(("replace", "replace", "replace", "remove", "again", "wrap")))
    if act == "remove":
        del holder[key]
    elif act == "again" and isinstance(holder, list):
        holder.insert(key, copy.deepcopy(holder[key]))
    elif act == "again":
        holder[f"{key}2"] = holder.pop(key)
    elif act == "wrap":
        holder[key] = [holder[key]]
    else:
        holder[key] = copy.deepcopy(data.draw(st.sampled_from(STRANGE)))


def json_bytes(data: st.DataObject, value: Any) -> bytes:
    """A value as a JSON file whose places, or whose bytes, are changed."""
    if data.draw(st.integers(0, 3)):
        return json.dumps(changed(data, value)).encode()
    return spoiled(data, json.dumps(value).encode())


def spoiled(data: st.DataObject, content: bytes) -> bytes:
    """The bytes of a file cut short, changed here and there, grown, in another encoding, or others altogether."""
    act = data.draw(st.sampled_from(("cut", "change", "change", "insert", "drop", "recode", "nest", "other")))
    at = data.draw(st.integers(0, len(content)))
    if act == "cut":
        return content[:at]
    if act == "insert":
        return content[:at] + data.draw(st.binary(min_size=1, max_size=20)) + content[at:]
    if act == "drop":
        return content[:at] + content[at + data.draw(st.integers(1, 40)) :]
    if act == "recode":
        text = content.decode("latin1")
        return text.encode(data.draw(st.sampled_from(("utf-16", "utf-8-sig", "utf-32", "utf-7"))))
    if act == "nest":
        return data.draw(st.sampled_from((b"[", b'{"a":', b"(", b"a = [", b"\x80\x04]"))) * 30_000 + content
    if act == "other":
        return data.draw(st.binary(max_size=200))
    places = data.draw(
        st.lists(st.tuples(st.integers(0, max(len(content) - 1, 0)), st.integers(0, 255)), max_size=8)
    )
    other = bytearray(content)
    for place, value in places if content else ():
        other[place] = value
    return bytes(other)


_watching: list[str] = []


def _watch(event: str, args: tuple[Any, ...]) -> None:
    if _watching and event in (*_RUNS_CODE, *_REACHES_OUT):
        raise AssertionError(f"a file made its reader do this: {event} {args!r:.200}")


sys.addaudithook(_watch)  # for good: Python takes none back


@contextmanager
def told() -> Iterator[None]:
    """What is read within may be refused, in our own words; it runs nothing, and takes little time and room."""
    began, before = time.process_time(), _peak()
    _watching.append("")
    said = "nothing, it was read"
    try:
        yield
    except PosebeamError as error:
        said = str(error)
    finally:
        _watching.pop()
    assert said.strip()
    assert len(said) < LETTERS, f"an error of {len(said)} letters: {said[:200]}"
    assert time.process_time() - began < SECONDS
    assert _peak() - before < MEGABYTES << 10


def _peak() -> int:
    """KiB of memory that the process ever held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
