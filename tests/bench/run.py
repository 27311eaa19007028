"""Run: python tests/bench/run.py [ROW ...] measures posebeam beside what people would use instead.

Each row is a program of its own beside this one and runs in a process of its own, one after the other; within a
row the contestants take turns on the same cores with the same number of threads. The table comes last, the
figures of every round go to a JSON file. Exit code 1 if a row broke, or, with --strict, missed its bound.
"""

import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import measure

ROWS = (
    "end_to_end",
    "mediapipe",
    "decode",
    "chain",
    "reading",
    "workers",
    "memory",
    "networks",
    "people",
    "cropping",
    "grouping",
)
ASKED = ("scale",)  # rows that run only if they are named: no rival, and the better part of an hour
# Libraries read these before Python runs a line of ours.
ONE_THREAD = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "MKL", "OPENBLAS", "NUMEXPR")}


def main() -> int:
    """Run the rows that are wanted, show the table, write the JSON."""
    parser = measure.options()
    parser.description = __doc__
    parser.add_argument(
        "rows", nargs="*", metavar="ROW", help=f"of {', '.join(ROWS)}; default: all; or {ASKED[0]}"
    )
    parser.add_argument("--gpu", action="store_true", help="the row gpu too: end to end and bare on a CUDA device")
    parser.add_argument("--strict", action="store_true", help="exit with 1 if a bound is missed")
    given = parser.parse_args()
    wanted = [*(given.rows or ROWS), *(["gpu"] if given.gpu else [])]
    if unknown := set(wanted) - {*ROWS, *ASKED, "gpu"}:
        parser.error(f"no row {', '.join(sorted(unknown))}; there are {', '.join((*ROWS, *ASKED))}, gpu")
    target = given.json or measure.PLACE / "bench.json"
    target.parent.mkdir(parents=True, exist_ok=True)
    found = [row for name in wanted for row in _run(name, _flags(given))]
    record = {"machine": _machine(), "rounds": given.rounds, "clips": str(given.clips), "figures": found}
    target.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    show(found)
    print(f"figures of every round: {target}")
    missed = given.strict and any(not row.get("holds", True) for row in found)
    return int(missed or any("broke" in row for row in found))


def _flags(given: Any) -> list[str]:
    """What every row is told."""
    flags = ["--clips", given.clips, "--rounds", given.rounds, "--seconds", given.seconds, "--sizes", *given.sizes]
    flags += ["--references", *given.references]
    flags += ["--large", given.large] if given.large else []
    flags += ["--backbones", *given.backbones] if given.backbones else []
    return [str(flag) for flag in flags]


def _run(name: str, flags: list[str]) -> list[dict[str, Any]]:
    """The figures of one row; its output passes through."""
    print(f"-- {name}", flush=True)
    program = Path(__file__).parent / f"{name}.py"
    with tempfile.NamedTemporaryFile(suffix=".json") as file:
        command = [sys.executable, str(program), *flags, "--json", file.name]
        done = subprocess.run(command, env=os.environ | ONE_THREAD)
        if done.returncode:
            return [{"what": name, "broke": f"exit code {done.returncode}"}]
        return list(json.loads(Path(file.name).read_text(encoding="utf-8")))


def _machine() -> dict[str, Any]:
    """Where and when."""
    return {
        "platform": platform.platform(), "processor": measure.processor(), "cores": len(measure.allowed_cores()),
        "python": platform.python_version(), "load": os.getloadavg(),
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }  # fmt: skip


def show(found: list[dict[str, Any]]) -> None:
    """The table."""
    from rich.console import Console
    from rich.table import Table

    table = Table("what", "against", "ours", "theirs", "unit", "ratio (spread)", "bound", "")
    for row in found:
        if "ratio" not in row:
            why, style = (row["skipped"], "dim") if "skipped" in row else (row["broke"], "red")
            table.add_row(row["what"], why, style=style)
            continue
        low, high = row["ratio_range"]
        table.add_row(
            row["what"], row["against"], f"{row['ours_median']:,.4g}", f"{row['theirs_median']:,.4g}", row["unit"],
            f"{row['ratio']:.3g} ({low:.3g} to {high:.3g})", measure.bound(row),
            "" if measure.bound(row) == "" else "holds" if row["holds"] else "[bold red]missed[/]",
        )  # fmt: skip
    screen = Console()
    (screen if screen.is_terminal else Console(width=140)).print(table)


if __name__ == "__main__":
    sys.exit(main())
