"""ClipRef: the only thing that crosses a shuffle."""

from dataclasses import dataclass
from typing import Any

from posebeam.transforms.errors import SourceError

SPLITS = ("train", "validation", "test")


@dataclass(frozen=True, slots=True)
class ClipRef:
    """A reference to one clip, about 100 bytes; the clip itself is opened where its shard is built.

    clip_id is the path relative to SOURCE, with /; it names the clip in every file of a data set.
    splits holds the clip's part in each official split (split1, split2, split3), or nothing.
    number is the data set's own class number, where it has one. size is the file's bytes: a clip that was
    replaced is another reference. truth is a digest of what was annotated in it, "" for nothing.
    """

    uri: str
    clip_id: str
    label: str
    group: str
    split: str
    size: int
    splits: tuple[str, ...] = ()
    number: int | None = None
    truth: str = ""

    def __post_init__(self) -> None:
        strangers = {self.split, *self.splits} - set(SPLITS)
        if strangers:
            raise SourceError(f"{self.clip_id}: split {strangers.pop()!r}, expected one of {', '.join(SPLITS)}")
        if len(self.splits) not in (0, 3):
            raise SourceError(f"{self.clip_id}: {len(self.splits)} official splits, expected 3 or none")

    @property
    def values(self) -> tuple[Any, ...]:
        """All fields in their order; dataclasses.astuple takes twenty times as long, and there are many."""
        return (
            self.uri, self.clip_id, self.label, self.group, self.split, self.size, self.splits, self.number,
            self.truth,
        )  # fmt: skip
