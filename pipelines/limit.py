"""Limit: N clips that stand for all."""

from collections import defaultdict
from dataclasses import replace

from posebeam.pipelines.listing import Listing
from posebeam.transforms.errors import SourceError


def limited(listing: Listing, limit: int) -> Listing:
    """The first `limit` clips, dealt over splits and labels in turn; all if limit is 0.

    Training comes first in each turn, so that no label stands outside it only.
    """
    if not listing.refs:
        raise SourceError("no clip was found")
    if not limit:
        return listing
    heaps = defaultdict(list)
    for ref in listing.refs:
        heaps[("train", "validation", "test").index(ref.split), ref.label].append(ref)
    turns = [(number, key, ref) for key, heap in heaps.items() for number, ref in enumerate(heap)]
    chosen = [ref for _, _, ref in sorted(turns, key=lambda turn: (turn[0], turn[1], turn[2].clip_id))][:limit]
    return replace(listing, refs=tuple(sorted(chosen, key=lambda ref: ref.clip_id)))
