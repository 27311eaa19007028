"""DataPage: a data set on a page."""

from posebeam.workflows.report.data_set import DataFigures
from posebeam.workflows.report.section import Block, Section, Sheet


def data_section(data: DataFigures) -> Section:
    """All of it."""
    header = ("class", *(f"{part} clips" for part in data.parts), *(f"{part} windows" for part in data.parts))
    rows = [
        (
            name,
            *(data.clips.get((name, part), 0) for part in data.parts),
            *(data.windows.get((name, part), 0) for part in data.parts),
        )
        for name in data.classes
    ]
    return Section(data.name, [Block("Clips and windows", table=Sheet(header, rows, range(1, len(header))))])
