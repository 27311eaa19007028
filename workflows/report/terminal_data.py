"""TerminalData: a data set in the terminal, in short, as tables with bars."""

from collections.abc import Iterator, Sequence

from rich.table import Table

from posebeam.workflows.console import facts_table, rows_table
from posebeam.workflows.report.data_set import DataFigures

_WIDE = 24  # letters of a bar
_NEAR = 10  # pairs of clips
_FACTS = ("kind", "backbone", "chain", "layout", "window", "stride", "fps")


def data_tables(data: DataFigures) -> Iterator[Table]:
    """What is in it, what was rejected, what was not seen, and what is nearly alike."""
    yield facts_table(data.name, _facts(data))
    yield _counts(data)
    if data.rejects:
        rows = [(each.clips, each.stage, each.reason, each.example) for each in data.rejects]
        yield rows_table("rejected", ("clips", "stage", "why", "one of them"), rows)
    if data.missing:
        yield _joints(data)
    if data.near and data.near.found:
        near = data.near.found[:_NEAR]
        pairs = [(p.label, f"{p.distance:.3f}", p.parts[0], p.a.clip_id, p.parts[1], p.b.clip_id) for p in near]
        header = ("class", "distance", "part", "clip", "part", "like")
        yield rows_table(f"nearly alike across splits, {len(near)} of {len(data.near.found)}", header, pairs)


def _facts(data: DataFigures) -> dict[str, str]:
    """How it was made, and how fast."""
    clips, speed = data.manifest["clips"], data.speed
    found = {name: data.manifest["config"].get(name) for name in _FACTS}
    found = {name: value for name, value in found.items() if value}
    found["clips"] = ", ".join(f"{clips[name]:,} {name}" for name in ("listed", "built", "rejected", "missing"))
    if spread := data.as_dict()["frames_per_clip"]:
        found["frames in a clip"] = f"{spread['least']:g} to {spread['most']:g}, median {spread['median']:g}"
        found["people in a clip"] = (
            f"{data.tracks.min()} to {data.tracks.max()}, {data.tracks.mean():.2g} in the mean"
        )
    if speed.fill is not None:
        found["batch fill"] = f"{speed.fill:.0%}"
    for run in speed.runs[-1:]:
        workers = "1 worker" if run.workers == 1 else f"{run.workers} workers"
        found["speed"] = f"{run.per_second:,.1f} frames a second, {workers}, {run.started}"
    if data.near and data.near.asked:
        found["nearly alike"] = f"{len(data.near.found)} pairs of clips across splits"
    return found


def _counts(data: DataFigures) -> Table:
    """Clips and windows of each class and part."""
    totals = {name: sum(data.clips.get((name, part), 0) for part in data.parts) for name in data.classes}
    most = max(1, *totals.values())
    rows = [
        (
            name,
            *(data.clips.get((name, part), 0) for part in data.parts),
            *(data.windows.get((name, part), 0) for part in data.parts),
            bar(totals[name] / most),
        )
        for name in data.classes
    ]
    header = ("class", *(f"{part} clips" for part in data.parts), *(f"{part} windows" for part in data.parts), "")
    return rows_table("clips and windows", header, rows)


def _joints(data: DataFigures) -> Table:
    """Over classes, how often each joint was not seen."""
    rows = []
    for at, joint in enumerate(data.joints):
        least, mean, most = _spread([float(own[at]) for own in data.missing.values()])
        rows.append((joint.replace("_", " "), *map(percent, (least, mean, most)), bar(mean)))
    return rows_table("joints not seen, of all frames", ("joint", "least", "mean", "most", ""), rows)


def _spread(shares: Sequence[float]) -> tuple[float, float, float]:
    return min(shares), sum(shares) / len(shares), max(shares)


def bar(share: float) -> str:
    """A share, 0 to 1, as a bar of blocks, to an eighth of a letter."""
    eighths = round(8 * _WIDE * share)
    return "█" * (eighths // 8) + " ▏▎▍▌▋▊▉"[eighths % 8].strip()


def percent(share: float | None) -> str:
    """A share in percent, a dash for none."""
    return "-" if share is None else f"{share:.1%}"
