"""TrunkPage: pre-trained trunks on a page: side by side, then the curves of each."""

from collections.abc import Sequence

from posebeam.workflows.report.classifier_page import curve_blocks
from posebeam.workflows.report.section import Block, Note, Section, Sheet
from posebeam.workflows.report.trunk_run import TRUNK_HEADER, TRUNK_NOTE, TrunkRun


def trunk_sections(runs: Sequence[TrunkRun]) -> list[Section]:
    """Side by side, then a section for each run with logs."""
    if not runs:
        return []
    notes = [Note(TRUNK_NOTE)]
    notes += [Note(f"{run.name} has collapsed: {run.collapsed}.", warns=True) for run in runs if run.collapsed]
    table = Sheet(TRUNK_HEADER, [run.cells() for run in runs], range(3, len(TRUNK_HEADER)))
    own = [Section(run.name, blocks) for run in runs if (blocks := curve_blocks(run.name, run.curves))]
    return [Section("Pre-trained trunks", [Block(table=table)], notes), *own]
