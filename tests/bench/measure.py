"""Measure: contestants in turn, the figures that come of it, and how they are shown."""

import argparse
import json
import os
import platform
import statistics
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
MEDIA = ROOT / "tests" / "media" / "actions"
PLACE = ROOT / ".bench"  # git-ignored: environments of the rivals, and bench.json


@dataclass(frozen=True)
class Figure:
    """What was measured in one row: ours and theirs, a number a round of either, in one unit.

    The ratio is ours over theirs, round by round; its median is held against `least` or `most`.
    """

    what: str
    against: str
    unit: str
    ours: tuple[float, ...]
    theirs: tuple[float, ...]
    least: float | None = None
    most: float | None = None
    note: str = ""

    @property
    def ratios(self) -> tuple[float, ...]:
        """Ours over theirs in each round."""
        return tuple(mine / other for mine, other in zip(self.ours, self.theirs, strict=True))

    @property
    def holds(self) -> bool:
        """Whether the median ratio is on the right side of its bound, or has none."""
        ratio = statistics.median(self.ratios)
        return (self.least is None or ratio >= self.least) and (self.most is None or ratio <= self.most)

    def as_dict(self) -> dict[str, Any]:
        """As it stands in the JSON file."""
        ratios = self.ratios
        return asdict(self) | {
            "ours_median": statistics.median(self.ours),
            "theirs_median": statistics.median(self.theirs),
            "ratio": statistics.median(ratios),
            "ratio_range": (min(ratios), max(ratios)),
            "holds": self.holds,
        }


@dataclass(frozen=True)
class Skipped:
    """A row that could not be measured here, and why."""

    what: str
    why: str

    def as_dict(self) -> dict[str, Any]:
        """As it stands in the JSON file."""
        return {"what": self.what, "skipped": self.why}


Rows = Callable[[argparse.Namespace], Iterable[Figure | Skipped]]


def alternate(rounds: int, contestants: Mapping[str, Callable[[], float]]) -> dict[str, tuple[float, ...]]:
    """What each contestant measures in each round: one after the other, every other round backwards.

    One call of each that does not count comes first: caches of files, memory and compiled kernels.
    """
    for contest in contestants.values():
        contest()
    found: dict[str, list[float]] = {name: [] for name in contestants}
    for number in range(rounds):
        for name in list(contestants)[:: -1 if number % 2 else 1]:
            found[name].append(contestants[name]())
    return {name: tuple(values) for name, values in found.items()}


def fastest(found: Mapping[str, tuple[float, ...]]) -> str:
    """The contestant with the highest median."""
    return max(found, key=lambda name: statistics.median(found[name]))


def medians(found: Mapping[str, tuple[float, ...]]) -> str:
    """All contestants' medians in a line."""
    return ", ".join(f"{name} {statistics.median(values):,.4g}" for name, values in found.items())


def pin(cores: int) -> None:
    """This thread, and the threads and processes that it starts from now on, to so many cores: the last ones.

    Call it before anything has threads.
    """
    allowed = allowed_cores()
    if len(allowed) < cores:
        raise SystemExit(f"{cores} cores are asked for, {len(allowed)} are there")
    os.sched_setaffinity(0, allowed[-cores:])


_ALLOWED = tuple(sorted(os.sched_getaffinity(0)))


def allowed_cores() -> tuple[int, ...]:
    """The cores that this process may use, as it was started."""
    return _ALLOWED


def options() -> argparse.ArgumentParser:
    """The flags of every program here."""
    parser = argparse.ArgumentParser(formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--clips", type=Path, default=MEDIA, help="videos as <label>/<clip>; default: shipped ones"
    )
    parser.add_argument("--large", type=Path, help="a larger mp4 for decode; default: one is made of the clips")
    parser.add_argument("--rounds", type=int, default=5, help="rounds that count, default 5")
    parser.add_argument("--seconds", type=float, default=10.0, help="least length of a contest that adapts")
    parser.add_argument("--sizes", type=int, nargs=2, default=(20, 200), help="clips of the row memory")
    parser.add_argument(
        "--references", type=int, nargs="+", default=(10_000, 100_000, 1_000_000), help="clips of the row scale"
    )
    parser.add_argument("--backbones", nargs="*", help="default: all with embedded weights")
    parser.add_argument("--json", type=Path, help="where the figures go")
    return parser


def main(rows: Rows) -> None:
    """Measure one program's rows; show them, and write them as JSON if asked."""
    given = options().parse_args()
    found = []
    for row in rows(given):
        found.append(row.as_dict())
        print(line(found[-1]), flush=True)
    if given.json:
        given.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def line(row: Mapping[str, Any]) -> str:
    """One row as text."""
    if "skipped" in row:
        return f"{row['what']}: skipped: {row['skipped']}"
    low, high = row["ratio_range"]
    numbers = f"{row['ours_median']:,.4g} against {row['theirs_median']:,.4g} {row['unit']}"
    wanted = f", {bound(row)}: {'holds' if row['holds'] else 'missed'}" if bound(row) else ""
    note = f"; {row['note']}" if row["note"] else ""
    ratio = f"ratio {row['ratio']:.3g} ({low:.3g} to {high:.3g})"
    return f"{row['what']} / {row['against']}: {numbers}, {ratio}{wanted}{note}"


def bound(row: Mapping[str, Any]) -> str:
    """What the ratio was to be; nothing if that is open."""
    if row["least"] is not None:
        return f"at least {row['least']:g}"
    return f"at most {row['most']:g}" if row["most"] is not None else ""


def processor() -> str:
    """The processor's name, where Linux tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((text.split(":")[1].strip() for text in lines if text.startswith("model name")), "unknown")
