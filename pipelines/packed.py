"""Packed: a shard's references as bytes, the one element that crosses the shuffle for it."""

import json
import zlib
from collections.abc import Sequence

from posebeam.pipelines.clip import ClipRef

LEVEL = 6  # of zlib: a reference says most things two or three times, and its neighbours say them too


def pack(refs: Sequence[ClipRef]) -> bytes:
    """References to bytes, a fifth of what Beam's own coder makes of them."""
    return zlib.compress(json.dumps([ref.values for ref in refs], separators=(",", ":")).encode(), LEVEL)


def unpack(packed: bytes) -> tuple[ClipRef, ...]:
    """The inverse of pack()."""
    rows = json.loads(zlib.decompress(packed))
    return tuple(ClipRef(*row[:6], tuple(row[6]), *row[7:]) for row in rows)
