"""Packed: a shard's references as bytes, the one element that crosses the shuffle for it."""

import json
import zlib
from collections.abc import Sequence
from typing import Any

from posebeam.pipelines.clip import ClipRef

LEVEL = 6  # of zlib: a reference says most things two or three times, and its neighbours say them too


def pack(refs: Sequence[ClipRef]) -> bytes:
    """References to bytes, a fifth of what Beam's own coder makes of them."""
    return zlib.compress(json.dumps([ref.values for ref in refs], separators=(",", ":")).encode(), LEVEL)


def unpack(packed: bytes) -> tuple[ClipRef, ...]:
    """The inverse of pack()."""
    return tuple(_ref(row) for row in json.loads(zlib.decompress(packed)))


def _ref(row: Sequence[Any]) -> ClipRef:
    uri, clip_id, label, group, split, size, splits, number, truth = row
    return ClipRef(uri, clip_id, label, group, split, size, tuple(splits), number, truth)
