"""Progress over processes: each worker appends to a file of its own, the driver reads them all.

Beam's local runner shows its metrics only at the end.
"""

import json
import os
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

COUNTS = ("frames", "clips", "rejected", "shards", "skipped")
_EVERY = 0.3  # seconds between two lines of one worker


class Reporter:
    """The worker's side. A folder of None (a worker on another machine) reports nothing."""

    def __init__(self, folder: Path | None):
        self._path = folder / f"{os.getpid()}.jsonl" if folder is not None and folder.is_dir() else None
        self._held: Counter[str] = Counter()
        self._written = time.monotonic()

    def count(self, what: str, number: int = 1) -> None:
        """Add to one of COUNTS."""
        self._held[what] += number
        if time.monotonic() - self._written > _EVERY:
            self.flush()

    def flush(self) -> None:
        """Write what was counted since the last line."""
        if self._path is not None and self._held:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(self._held) + "\n")
        self._held.clear()
        self._written = time.monotonic()

    def __enter__(self) -> "Reporter":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.flush()


@dataclass
class Tally:
    """The driver's side: counts by process id. Reading again goes on where the last reading ended."""

    folder: Path
    by_process: dict[int, Counter[str]] = field(default_factory=dict)
    _offsets: dict[Path, int] = field(default_factory=dict)

    def read(self) -> Counter[str]:
        """Counts of all processes so far."""
        for path in sorted(self.folder.glob("*.jsonl")):
            with path.open(encoding="utf-8") as file:
                file.seek(self._offsets.get(path, 0))
                counts = self.by_process.setdefault(int(path.stem), Counter())
                for line in iter(file.readline, ""):
                    if not line.endswith("\n"):
                        break  # a line that is being written: next time
                    counts.update(json.loads(line))
                    self._offsets[path] = file.tell()
        return sum(self.by_process.values(), Counter())
