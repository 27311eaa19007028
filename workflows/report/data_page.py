"""DataPage: a data set on a page: what is in it, what is missing, how it looks."""

from collections.abc import Iterator, Mapping
from statistics import median

from posebeam.workflows.report import data_charts
from posebeam.workflows.report.data_set import DataFigures
from posebeam.workflows.report.data_windows import near_block, steps_block, windows_block
from posebeam.workflows.report.section import Block, Note, Section, Sheet, Tile, picture

_SHARDS = 40  # whose fills can be told apart


def data_section(data: DataFigures) -> Section:
    """All of it."""
    config = data.manifest["config"]
    blocks = [*_counts(data), *_rejects(data), *_lengths(data), *_missing(data)]
    if data.windows:
        blocks += [windows_block(data), steps_block(data), *near_block(data)]
    blocks += _speed(data)
    facts = [(name, value) for name, value in config.items() if value not in ("", None)]
    blocks.append(Block("How it was made", table=Sheet(("", ""), facts), fold=True))
    built = Note(f"Poses by {config['backbone'] or 'nobody'}.")
    return Section(data.name, blocks, [built], tiles=_tiles(data))


def _tiles(data: DataFigures) -> list[Tile]:
    clips, windows = data.manifest["clips"], sum(data.windows.values())
    told = [Tile(f"{clips['built']:,}", f"clips of {clips['listed']:,} listed")]
    told += [Tile(f"{clips[name]:,}", name) for name in ("rejected", "missing") if clips[name]]
    told.append(Tile(f"{len(data.classes)}", "classes"))
    if windows:
        told.append(Tile(f"{windows:,}", "windows"))
    if len(data.lengths):
        told.append(Tile(f"{median(data.lengths.tolist()):g}", "frames in a clip, median"))
        told.append(Tile(f"{data.tracks.mean():.2g}", "people in a clip, mean"))
    if data.near:
        told.append(Tile(f"{len(data.near.found)}", "pairs of clips alike across splits"))
    if data.speed.fill is not None:
        told.append(Tile(f"{data.speed.fill:.0%}", "of a batch filled, mean"))
    if data.speed.runs and (rate := data.speed.runs[-1].per_second):
        told.append(Tile(f"{rate:,.1f}", "frames a second"))
    return told


def _counts(data: DataFigures) -> Iterator[Block]:
    kinds: list[tuple[str, Mapping[tuple[str, str], int]]] = [("clips", data.clips), ("windows", data.windows)]
    shown = [(what, counts) for what, counts in kinds if counts]
    header = ("class", *(f"{part} {what}" for what, _ in shown for part in data.parts))
    rows = [
        (name, *(counts.get((name, part), 0) for _, counts in shown for part in data.parts))
        for name in data.classes
    ]
    pictures = [
        picture(
            data_charts.stacked(
                {name: [counts.get((name, part), 0) for part in data.parts] for name in data.classes},
                data.parts,
                what,
            ),
            f"{data.name}: {what} per class",
        )
        for what, counts in shown
    ]
    yield Block("What is in it", pictures=pictures)
    yield Block("As a table", table=Sheet(header, rows, range(1, len(header)), by_class=True), fold=True)


def _rejects(data: DataFigures) -> Iterator[Block]:
    if data.rejects:
        rows = [(each.stage, each.reason, f"{each.clips:,}", each.example) for each in data.rejects]
        yield Block("Rejected", table=Sheet(("stage", "why", "clips", "one of them"), rows, (2,)))


def _lengths(data: DataFigures) -> Iterator[Block]:
    pictures = []
    for values, what in ((data.lengths, "frames of a clip"), (data.tracks, "people tracked in a clip")):
        if len(values) and values.max() > values.min():
            pictures.append(picture(data_charts.histogram(values, what), f"{data.name}: {what}"))
    if pictures:
        yield Block("Clips", pictures=pictures)


def _missing(data: DataFigures) -> Iterator[Block]:
    if data.missing:
        figure = data_charts.missing(data.missing, data.joints)
        text = "Percent of the frames that show somebody in which a joint was not seen (scored below min_score)."
        yield Block(
            "Joints that were not seen", text, pictures=[picture(figure, f"{data.name}: joints", wide=True)]
        )


def _speed(data: DataFigures) -> Iterator[Block]:
    """How fast it was made, run by run, and how full the batches of each shard were."""
    speed = data.speed
    rows = [
        (
            run.started, f"{run.clips:,}", f"{run.frames:,}", f"{run.seconds:,.1f}", f"{run.per_second:,.1f}",
            run.workers, run.machine,
        )
        for run in speed.runs
    ]  # fmt: skip
    header = ("run", "clips", "frames", "seconds", "frames a second", "workers", "machine")
    pictures = []
    if 0 < len(speed.fills) <= _SHARDS:
        figure = data_charts.batch_fills(speed.fills)
        pictures.append(picture(figure, f"{data.name}: batch fill by shard", "Share of a batch that held a frame"))
    if rows or pictures:
        table = Sheet(header, rows, range(1, 6)) if rows else None
        yield Block("How fast it was made", table=table, pictures=pictures)
