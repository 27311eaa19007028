"""Receipt: written last, it proves that a shard is finished."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from posebeam.pipelines.publish import publish_json
from posebeam.pipelines.shard import ShardName
from posebeam.pipelines.stores.address import uri_of
from posebeam.pipelines.stores.mirror import entry_of, present


@dataclass(frozen=True)
class FileFacts:
    """One file of a shard: path relative to OUT, product, rows, bytes, sha256."""

    path: str
    product: str
    rows: int
    bytes: int
    sha256: str


@dataclass(frozen=True)
class Receipt:
    """What one shard came to.

    warnings are (clip id, sentence). not_finite counts frames whose output was not finite, halvings batches
    that were split for lack of memory; steps and slots give the mean batch fill: frames / (steps x slots).
    """

    shard: str
    plan: str
    refs: str
    built: int
    rejected: int
    frames: int = 0
    steps: int = 0
    slots: int = 0
    not_finite: int = 0
    halvings: int = 0
    warnings: tuple[tuple[str, str], ...] = ()
    files: tuple[FileFacts, ...] = field(default=())

    def write(self, out: Path) -> None:
        """Publish the receipt: from now on the shard is finished."""
        publish_json(asdict(self), out, ShardName.parse(self.shard).receipt)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "Receipt":
        """Back from JSON."""
        files = tuple(FileFacts(**facts) for facts in data["files"])
        warnings = tuple((clip, text) for clip, text in data["warnings"])
        return cls(**{**data, "files": files, "warnings": warnings})


def read_receipt(out: Path, name: ShardName) -> Receipt | None:
    """The shard's receipt, or None if it is absent or damaged: such a shard is built again."""
    try:
        return Receipt.from_dict(json.loads((out / name.receipt).read_text(encoding="utf-8")))
    except (FileNotFoundError, NotADirectoryError, ValueError, KeyError, TypeError):
        return None


def is_finished(
    out: Path, name: ShardName, plan_hash: str, refs_digest: str, files: Mapping[str, int] | None = None
) -> bool:
    """Whether the shard was finished under this plan, for these clips, and its files still have their size.

    files are the bytes of OUT's files, whose receipts are here (stores/held.py); else each file is asked for.
    """
    receipt = read_receipt(out if files is not None else _with_receipt(out, name), name)
    return (
        receipt is not None
        and (receipt.shard, receipt.plan, receipt.refs) == (str(name), plan_hash, refs_digest)
        and all(_size(out, facts.path, files) == facts.bytes for facts in receipt.files)
    )


def _with_receipt(out: Path, name: ShardName) -> Path:
    present(out / name.receipt)
    return out


def _size(out: Path, name: str, files: Mapping[str, int] | None) -> int:
    """The bytes of a file, -1 if there is none."""
    if files is not None:
        return files.get(name, -1)
    path = out / name
    if uri_of(path):
        entry = entry_of(path)
        return entry.size if entry else -1
    return path.stat().st_size if path.is_file() else -1
