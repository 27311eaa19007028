"""Address: gs://bucket/name and s3://bucket/name, and the paths on this machine that stand for them.

All code works on paths. A path below the folder of mirrors stands for an object: <cache>/stores/gs/bucket/a/b is
gs://bucket/a/b, whether or not it has been fetched. Both ways are a matter of spelling, and nobody is asked.
"""

import os
import re
from pathlib import Path

from posebeam.models.weights import cache_folder
from posebeam.transforms.errors import ConfigError

SCHEMES = ("gs", "s3")
_ANY = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://")
_OURS = re.compile(rf"({'|'.join(SCHEMES)}):/{{1,2}}(.*)", re.DOTALL)  # Path("gs://a/b") is gs:/a/b


def mirrors() -> Path:
    """The folder of all mirrors, stores/ in the cache."""
    return cache_folder().absolute() / "stores"


def located(named: str | os.PathLike[str]) -> Path:
    """What a person named as a path; of an object or a folder in a store the one that stands for it.

    ConfigError for a URI of another kind, and for one that no file can be called.
    """
    text = os.fspath(named)
    if ours := _OURS.fullmatch(text):
        bucket, *parts = ours[2].rstrip("/").split("/")
        if not bucket or not all(is_name(part) for part in parts):
            raise ConfigError(f"{text!r}: got an empty or dotted name, expected {ours[1]}://bucket/folder")
        return mirrors().joinpath(ours[1], bucket, *parts)
    if other := _ANY.match(text):
        raise ConfigError(f"{text!r}: got {other[1]}://, expected gs://, s3:// or a path on this machine")
    return Path(named)


def is_name(part: str) -> bool:
    """Whether a part of an object's name can be the name of a file."""
    return part not in ("", ".", "..") and "\0" not in part


def uri_of(path: str | os.PathLike[str]) -> str:
    """The URI that a path stands for; "" for a path of this machine."""
    text, root = os.fspath(path), str(mirrors())
    if not text.startswith(f"{root}/"):
        return ""
    scheme, _, rest = text[len(root) + 1 :].partition("/")
    return f"{scheme}://{rest}" if scheme in SCHEMES and rest else ""


def address(path: str | os.PathLike[str]) -> str:
    """How a path is called to people, in records and on other machines: its URI, or itself."""
    return uri_of(path) or os.fspath(path)


def is_remote(text: str) -> bool:
    """Whether it is the URI of something in an object store."""
    return text.startswith(tuple(f"{scheme}://" for scheme in SCHEMES))


def spoken(text: str) -> str:
    """A sentence with URIs in place of the paths that stand for them."""
    for scheme in SCHEMES:
        text = text.replace(f"{mirrors()}/{scheme}/", f"{scheme}://")
    return text
