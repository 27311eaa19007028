"""PysklSplits: the lists of a skeleton pickle's `split`, put together to protocols: train and test of one kind."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from posebeam.pipelines.sources.placed import SPLIT_NAMES
from posebeam.transforms.errors import ConfigError, SourceError

_NAME = re.compile(r"(?:(?P<prefix>.+)_)?(?P<part>train|val|validation|test)(?P<number>\d*)")
_OFFICIAL = ("1", "2", "3")


@dataclass(frozen=True, eq=False)
class Splits:
    """The part of each clip by protocol: "" of train, val and test, 1 of train1 and test1, xsub of xsub_train."""

    path: Path
    protocols: Mapping[str, Mapping[str, str]]

    @classmethod
    def of(cls, path: Path, told: Any) -> "Splits":
        """From the file's `split`; SourceError if it is no dict of lists, or a clip stands on two sides."""
        if told is None:
            return cls(path, {})
        if type(told) is not dict:
            raise SourceError(f"{path}: split is a {type(told).__name__}, expected a dict of lists of clips")
        protocols: dict[str, dict[str, str]] = {}
        for name, clips in told.items():
            if type(name) is not str or type(clips) is not list or any(type(clip) is not str for clip in clips):
                raise SourceError(f"{path}: split {str(name)[:40]!r} is no list of clips' names")
            match = _NAME.fullmatch(name)
            if match is None:
                continue
            parts = protocols.setdefault(f"{match['prefix'] or ''}{match['number']}", {})
            for clip in clips:
                part = SPLIT_NAMES[match["part"]]
                if parts.setdefault(clip, part) != part:
                    raise SourceError(f"{path}: {clip!r} stands in {name} and in {parts[clip]}")
        return cls(path, protocols)

    def parts(self, protocol: str, there: Collection[str]) -> tuple[dict[str, str], tuple[str, ...]]:
        """The part of each clip that is there, and the names of those that are not.

        Without a wish: the plain names, else the only protocol, else the first official one. Nothing if the file
        has no splits; ConfigError with the known ones if there is no such protocol, or a choice to be made.
        """
        if not self.protocols and not protocol:
            return {}, ()
        chosen = next((name for name in _wishes(protocol, self.protocols) if name in self.protocols), None)
        if chosen is None:
            known = ", ".join(repr(name) for name in sorted(self.protocols)) or "none"
            raise ConfigError(f"--protocol {protocol!r}: {self.path} has the splits {known}")
        parts = self.protocols[chosen]
        return (
            {clip: part for clip, part in parts.items() if clip in there},
            tuple(sorted(clip for clip in parts if clip not in there)),
        )

    def official(self, there: Collection[str]) -> dict[str, tuple[str, str, str]]:
        """Parts in the official splits 1, 2, 3 of the clips that stand in all three."""
        if not self.protocols.keys() >= set(_OFFICIAL):
            return {}
        first, second, third = (self.protocols[name] for name in _OFFICIAL)
        return {
            clip: (first[clip], second[clip], third[clip])
            for clip in there
            if clip in first and clip in second and clip in third
        }


def _wishes(protocol: str, known: Mapping[str, Any]) -> tuple[str, ...]:
    if protocol:
        return (protocol,)
    return ("", *(known if len(known) == 1 else ()), _OFFICIAL[0])
