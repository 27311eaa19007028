"""Split: groups dealt to train, validation and test, so that no group stands on two sides."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from math import floor

from posebeam.transforms.errors import ConfigError


@dataclass(frozen=True)
class Shares:
    """The parts of a class's groups that validate and test; the rest trains."""

    validation: float = 0.15
    test: float = 0.15

    def __post_init__(self) -> None:
        if min(self.validation, self.test) < 0 or not self.validation + self.test < 1:
            raise ConfigError(
                f"shares are {self.validation} for validation and {self.test} for test, "
                "expected none below 0 and less than 1 together"
            )

    def quota(self, groups: int) -> dict[str, int]:
        """How many of a class's groups test and validate: at least one each where two remain or more.

        Two groups are one that trains and one that tests; one group only trains.
        """
        test = _at_least_one(self.test, groups) if groups >= 2 else 0
        validation = _at_least_one(self.validation, groups) if groups >= 3 else 0
        return {"test": min(test, groups - 1), "validation": min(validation, max(0, groups - 1 - test))}


def split_groups(
    pairs: Iterable[tuple[str, str]], *, seed: int = 0, shares: Shares | None = None
) -> dict[str, str]:
    """Deal groups to "train", "validation" and "test", stratified by label.

    pairs are (group, label), one a clip, in any order; a group may hold several labels, and then stands in one
    part with all of them. The draw is a hash of seed and group, so it does not depend on order, and a new group
    moves few others. Every label keeps a group that trains. A label whose groups are its own gets at least one
    for test from two groups on and one for validation from three; shared groups can stand against that.
    """
    labels_of: dict[str, set[str]] = defaultdict(set)
    groups_of: dict[str, set[str]] = defaultdict(set)
    for group, label in pairs:
        labels_of[group].add(label)
        groups_of[label].add(group)
    training = Counter({label: len(groups) for label, groups in groups_of.items()})
    dealing = _Dealing(labels_of, groups_of, training, seed)
    for part in ("test", "validation"):
        # Labels with the fewest groups choose first: they have the least to choose from.
        for label in sorted(groups_of, key=lambda label: (len(groups_of[label]), label)):
            dealing.deal(part, label, (shares or Shares()).quota(len(groups_of[label]))[part])
    return {group: dealing.parts.get(group, "train") for group in sorted(labels_of)}


def leaks(places: Iterable[tuple[str, str]]) -> dict[str, tuple[str, ...]]:
    """The groups that stand in more than one part, with these parts; places are (group, part) of any clips."""
    parts_of: dict[str, set[str]] = defaultdict(set)
    for group, part in places:
        parts_of[group].add(part)
    return {group: tuple(sorted(parts)) for group, parts in sorted(parts_of.items()) if len(parts) > 1}


@dataclass(frozen=True)
class _Dealing:
    """The groups that were taken from training so far, in `parts`; how many of each label's still train."""

    labels_of: Mapping[str, set[str]]
    groups_of: Mapping[str, set[str]]
    training: Counter[str]
    seed: int
    parts: dict[str, str] = field(default_factory=dict)

    def deal(self, part: str, label: str, quota: int) -> None:
        """Fill the label's quota of a part, with groups in the order of the draw."""
        held = sum(self.parts.get(group) == part for group in self.groups_of[label])
        for group in sorted(self.groups_of[label], key=lambda group: _draw(self.seed, group)):
            if held >= quota:
                return
            if group not in self.parts and self._can_go(group):
                self.parts[group] = part
                self.training.subtract(self.labels_of[group])
                held += 1

    def _can_go(self, group: str) -> bool:
        """Whether each label of a group that trains keeps another one."""
        return all(self.training[label] > 1 for label in self.labels_of[group])


def _at_least_one(share: float, groups: int) -> int:
    return max(1, floor(share * groups + 0.5)) if share else 0


def _draw(seed: int, group: str) -> bytes:
    """A number that is the same everywhere: Python's own hash differs between processes."""
    return hashlib.sha256(f"{seed}\0{group}".encode()).digest()
