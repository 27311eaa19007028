"""DataPage: a data set on a page: what is in it, what is missing, how it looks."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from posebeam.pipelines.read import WindowReader
from posebeam.workflows.report import data_charts
from posebeam.workflows.report.chain_steps import chain_steps
from posebeam.workflows.report.data_set import DataFigures
from posebeam.workflows.report.examples import Place, strips
from posebeam.workflows.report.section import Block, Note, Section, Sheet, picture

_STRIPS = 24  # classes of which a window is shown


def data_section(data: DataFigures) -> Section:
    """All of it."""
    clips, config = data.manifest["clips"], data.manifest["config"]
    told = ", ".join(f"{clips[name]:,} {name}" for name in ("listed", "built", "rejected", "missing"))
    blocks = [*_counts(data), *_rejects(data), *_lengths(data), *_missing(data)]
    if data.windows:
        blocks += [_typical(data.name, data.out), _steps(data.name, data.out)]
    facts = [(name, value) for name, value in config.items() if value not in ("", None)]
    blocks.append(Block("How it was made", table=Sheet(("", ""), facts), fold=True))
    return Section(
        data.name, [*blocks, *_runs(data)], [Note(f"Clips: {told}. Built by {config['backbone'] or 'nobody'}.")]
    )


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
    yield Block("As a table", table=Sheet(header, rows, range(1, len(header))), fold=True)


def _rejects(data: DataFigures) -> Iterator[Block]:
    if data.rejects:
        yield Block("Rejected", table=Sheet(("why", "clips"), list(data.rejects.items()), (1,)))


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


def _typical(name: str, out: Path) -> Block:
    """For each class the window whose share of seen joints is the median: neither the best nor the worst."""
    reader = WindowReader(out)
    seen = np.concatenate(
        [
            reader.take(np.arange(at, min(at + 4096, len(reader))))[1].mean((1, 2))
            for at in range(0, len(reader), 4096)
        ]
    )
    labels = np.unique(reader.labels)[:_STRIPS].tolist()
    rows = []
    for label in labels:
        own = np.flatnonzero(reader.labels == label)
        rows.append(int(own[np.argsort(seen[own], kind="stable")[len(own) // 2]]))
    places = [Place(str(reader.clips[row]), int(reader.people[row]), int(reader.starts[row])) for row in rows]
    pictures = [
        picture(
            figure,
            f"{name}: a window of {reader.classes[label]}",
            _caption(reader.classes[label], place),
            wide=True,
        )
        for label, place, figure in zip(labels, places, strips(out, places), strict=True)
        if figure
    ]
    text = (
        "A typical window of each class: the one with as many joints seen as the median. The person's left is "
        "blue, the right orange, below are the frames' numbers."
    )
    return Block("Windows", text, pictures=pictures, strips=True)


def _caption(label: str, place: Place) -> str:
    return f"{label}: {place.clip_id}, from frame {place.start}"


def _steps(name: str, out: Path) -> Block:
    pictures = [picture(figure, f"{name}: {text}", text) for text, figure in chain_steps(out)]
    text = "The middle frame of the window in which most joints were seen."
    return Block("The chain, step by step", text, pictures=pictures)


def _runs(data: DataFigures) -> Iterator[Block]:
    """What run.json tells of the runs that built it."""
    if data.runs:
        names = list(dict.fromkeys(key for run in data.runs for key in run if _plain(run[key])))
        rows = [[run.get(name, "") for name in names] for run in data.runs]
        yield Block("Runs that wrote to it", table=Sheet(names, rows), fold=True)


def _plain(value: Any) -> bool:
    return isinstance(value, (str, int, float)) and not isinstance(value, bool)
