"""Stored: the objects below a folder of a store, with their sizes, as a source lists them."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from posebeam.pipelines.stores.address import uri_of
from posebeam.pipelines.stores.mirror import entries_below, entry_of, has_entries
from posebeam.transforms.errors import SourceError

Objects = list[tuple[str, int]]  # names relative to the folder, and bytes

_TOKENS = re.compile(r"(\*\*/|\*\*|\*|\?|\[!?\]?[^\]]*\])")
_MEANING = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}


def objects_below(folder: Path) -> Objects:
    """All of them, by listing: a request for each thousand. SourceError if there is none."""
    found = listed(folder)
    if not found:
        raise SourceError(f"{uri_of(folder)}: nothing lies there: SOURCE is the folder that holds the clips")
    return found


def has_objects(folder: Path) -> bool:
    """Whether there are any."""
    with _as_source(folder):
        return has_entries(folder)


def object_size(path: Path) -> int:
    """The bytes of one object. SourceError if there is none."""
    with _as_source(path):
        entry = entry_of(path)
    if entry is None:
        raise SourceError(f"{uri_of(path)!r} is no object and no folder")
    return entry.size


def matching(path: Path) -> tuple[Path, Objects]:
    """The objects that a pattern stands for (* ? [abc], ** for folders of any depth), and the folder above its
    first wildcard, which their names count from. SourceError if there is none.
    """
    cut = next(number for number, part in enumerate(path.parts) if re.search(r"[*?[]", part))
    root, wanted = Path(*path.parts[:cut]), _compiled("/".join(path.parts[cut:]))
    found = [(name, size) for name, size in listed(root) if wanted.fullmatch(name)]
    if not found:
        raise SourceError(f"{uri_of(path)!r} matches no object")
    return root, found


def listed(folder: Path) -> Objects:
    """All of them, perhaps none."""
    with _as_source(folder):
        return [(name, entry.size) for name, entry in entries_below(folder)]


@contextmanager
def _as_source(path: Path) -> Iterator[None]:
    """What is not there, or not for us, is no SOURCE."""
    try:
        yield
    except (FileNotFoundError, PermissionError) as error:
        raise SourceError(f"{uri_of(path)} cannot be listed: {error.strerror}") from error


def _compiled(pattern: str) -> re.Pattern[str]:
    """A shell's pattern as a regular expression; * and ? stay within a folder."""
    pieces = (_MEANING.get(piece) or _piece(piece) for piece in _TOKENS.split(pattern))
    return re.compile("".join(pieces), re.DOTALL)


def _piece(piece: str) -> str:
    """A set of characters, [abc] or [!a-c], or plain text."""
    if len(piece) < 3 or not (piece.startswith("[") and piece.endswith("]")):
        return re.escape(piece)
    negated = piece.startswith("[!")
    inside = piece[1 + negated : -1].replace("\\", r"\\").replace("^", r"\^").replace("]", r"\]")
    return f"[{'^' if negated else ''}{inside}]"
