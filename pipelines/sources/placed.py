"""Placed: a clip with what its source says of it, and the splits of many."""

import re
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from posebeam.pipelines.clip import SPLITS, ClipRef
from posebeam.transforms.errors import ConfigError, SourceError
from posebeam.transforms.split import split_groups

SPLIT_NAMES = {"train": "train", "val": "validation", "validation": "validation", "test": "test"}


@dataclass(frozen=True, slots=True)
class Placed:
    """A clip before its split is drawn; split is empty where its source says nothing of it."""

    uri: str
    clip_id: str
    label: str
    group: str
    split: str
    size: int


def group_pattern(group: str | None) -> re.Pattern[str] | None:
    """The compiled --group; None without one, ConfigError if it is no regular expression."""
    try:
        return re.compile(group) if group else None
    except re.error as error:
        raise ConfigError(f"--group {group!r} is no regular expression: {error}") from None


def group_of(clip_id: str, pattern: re.Pattern[str] | None) -> str:
    """The pattern's first capture group in the id, or else its whole match; the id itself where none is."""
    match = pattern.search(clip_id) if pattern else None
    if not match:
        return clip_id
    return (match[1] if match.re.groups else match[0]) or clip_id


def draw(placed: Sequence[Placed], seed: int) -> tuple[tuple[ClipRef, ...], tuple[str, ...]]:
    """References sorted by clip id, and what a user should be told of their splits.

    Splits that the source gives are kept; without any, groups are dealt 70/15/15, drawn by seed.
    SourceError for a group that stands in two given splits.
    """
    given = any(clip.split for clip in placed)
    splits = _given(placed) if given else split_groups([(clip.group, clip.label) for clip in placed], seed=seed)
    refs = sorted((_ref(clip, splits) for clip in placed), key=lambda ref: ref.clip_id)
    return tuple(refs), tuple(_label_warnings(placed, splits, given))


def _given(placed: Iterable[Placed]) -> dict[str, str]:
    """The split of each group as the source says; SourceError if it says two."""
    first: dict[str, Placed] = {}
    for clip in placed:
        other = first.setdefault(clip.group, clip)
        if other.split != clip.split:
            raise SourceError(
                f"group {clip.group!r} stands in two splits: {other.clip_id} in {other.split} and {clip.clip_id} "
                f"in {clip.split}. What was filmed together must not be learnt and tested: move one, or give "
                "other groups"
            )
    return {group: clip.split for group, clip in first.items()}


def _ref(clip: Placed, splits: Mapping[str, str]) -> ClipRef:
    label = sys.intern(clip.label)  # one text a label, not one a clip
    return ClipRef(clip.uri, clip.clip_id, label, clip.group, splits[clip.group], clip.size)


def group_warnings(placed: Sequence[Placed], group: str | None) -> list[str]:
    """Clips that the user's expression did not reach."""
    alone = sum(clip.group == clip.clip_id for clip in placed)
    if not group or not alone:
        return []
    return [f"--group {group!r} matches nothing in {alone} of {len(placed)} paths: each is its own group"]


def _label_warnings(placed: Sequence[Placed], splits: Mapping[str, str], given: bool) -> list[str]:
    """Labels that lack a part, and why."""
    groups: dict[str, set[str]] = defaultdict(set)
    for clip in placed:
        groups[clip.label].add(clip.group)
    empty = [part for part in SPLITS if part not in splits.values()]
    sentences = [f"no clip at all for {part}" for part in empty]
    for label, members in sorted(groups.items()):
        parts = Counter(splits[group] for group in members)
        lacking = [part for part in SPLITS if not parts[part] and part not in empty]
        if len(members) < 2 and not given:
            sentences.append(f"{label}: only one group, it trains; validation and test need groups of their own")
        elif lacking:
            held = ", ".join(f"{parts[part]} {part}" for part in SPLITS if parts[part])
            sentences.append(f"{label}: no clip for {' or '.join(lacking)} (groups: {held})")
    return sentences
