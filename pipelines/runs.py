"""run.json: times, machine, workers; outside the promise of equal bytes, so a file of its own."""

import json
from pathlib import Path
from typing import Any

from posebeam.pipelines.publish import publish_json

FILE = "run.json"


def record_run(run: dict[str, Any], out: Path) -> None:
    """Add one run to OUT/run.json."""
    publish_json({"runs": [*read_runs(out), run]}, out, FILE)


def read_runs(out: Path) -> list[dict[str, Any]]:
    """All runs that wrote to OUT, oldest first."""
    try:
        return list(json.loads((out / FILE).read_text(encoding="utf-8"))["runs"])
    except (FileNotFoundError, ValueError, KeyError):  # a disk that fails must not cost the earlier runs
        return []
