"""Place: where a window is: its clip, its person and the number of its first frame."""

from dataclasses import dataclass

from posebeam.pipelines.read import WindowReader


@dataclass(frozen=True)
class Place:
    """A window by its clip, its person and the number of its first frame."""

    clip_id: str
    person: int
    start: int

    @classmethod
    def of(cls, reader: WindowReader, row: int) -> "Place":
        """Where row `row` of a reader is."""
        return cls(str(reader.clips[row]), int(reader.people[row]), int(reader.starts[row]))
