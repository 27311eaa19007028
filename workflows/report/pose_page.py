"""PosePage: pose backbones on a page: side by side with what was published, then the curves of each training."""

from collections.abc import Sequence

from posebeam.workflows.report import charts
from posebeam.workflows.report.classifier_page import curve_blocks
from posebeam.workflows.report.pose_run import PoseRun
from posebeam.workflows.report.pose_table import POSE_HEADER, pose_cells
from posebeam.workflows.report.section import Block, Note, Section, Sheet, picture


def pose_sections(runs: Sequence[PoseRun], machine: str) -> list[Section]:
    """Side by side, then a section for each run with logs."""
    if not runs:
        return []
    notes = [
        Note(
            "AP and AR are COCO's, 0 to 100. Those in annotated (ground truth) boxes and those in detected boxes "
            "cannot be compared."
        ),
    ]
    if any(run.speed for run in runs):
        notes.append(Note(f"Pictures a second: the bare network at batch 1, from the median time, on {machine}."))
    table = Sheet(POSE_HEADER, [line for run in runs for line in pose_cells(run)], (7, 8, 10))
    own = [Section(run.name, blocks) for run in runs if (blocks := curve_blocks(run.name, run.curves))]
    return [Section("Pose backbones", [Block(table=table), *_speeds(runs)], notes), *own]


def _speeds(runs: Sequence[PoseRun]) -> list[Block]:
    """How fast, where there is something to compare."""
    found = {run.name: [run.speed.per_second] for run in runs if run.speed}
    if len(found) < 2:
        return []
    figure = charts.bars("pictures a second at batch 1", found, ["pictures a second"], percent=False)
    return [Block(pictures=[picture(figure, "pictures a second")])]
