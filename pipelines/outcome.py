"""Outcome: what became of the clips of one shard."""

from dataclasses import dataclass, field

import pyarrow as pa

from posebeam.pipelines.lockstep import Ended, Failed
from posebeam.pipelines.schema import rejected_row


@dataclass
class Outcome:
    """Counts of a shard, sentences about its clips, and the rows of those that gave nothing."""

    built: int = 0
    frames: int = 0
    not_finite: int = 0
    warnings: list[tuple[str, str]] = field(default_factory=list)
    _rejected: dict[str, pa.Table] = field(default_factory=dict)

    def ended(self, event: Ended) -> None:
        """A clip was built."""
        self.built += 1
        self.not_finite += event.not_finite
        self.warnings += [(event.ref.clip_id, text) for text in event.report.warnings]

    def failed(self, event: Failed) -> None:
        """A clip gave nothing."""
        self._rejected[event.ref.clip_id] = rejected_row(event.ref, event.error)

    @property
    def rejected(self) -> list[pa.Table]:
        """Rows of rejected, by clip id."""
        return [self._rejected[clip_id] for clip_id in sorted(self._rejected)]
