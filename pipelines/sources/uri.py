"""Uri: what a row of a table names: where it lies, and the id that its clip has in the data set."""

import hashlib
import os
import posixpath
import re
from pathlib import Path

from posebeam.pipelines.stores.address import is_remote, located, uri_of


def locate(uri: str, root: Path) -> tuple[str, str]:
    """The path, or the URL, to open, and the clip's id; root is the folder that relative ones count from."""
    if "://" in uri and not is_remote(uri):
        return uri, _outside(uri, re.split(r"[?#]", uri)[0])
    path = os.path.normpath(root / located(uri))
    relative = os.path.relpath(path, root).replace(os.sep, "/")
    within = relative != ".." and not relative.startswith("../") and bool(uri_of(path)) == bool(uri_of(root))
    if within and relative.isprintable() and "\\" not in relative:
        return path, relative
    return path, _outside(uri if located(uri).is_absolute() else relative, uri)


def _outside(uri: str, path: str) -> str:
    """An id that is the same on every run, for what lies elsewhere or cannot be printed."""
    name = re.sub(r"[^\w.-]+", "_", posixpath.basename(path.rstrip("/")))[-60:].lstrip("._-")
    return f"outside/{hashlib.sha256(uri.encode(errors='surrogateescape')).hexdigest()[:12]}/{name or 'clip'}"
