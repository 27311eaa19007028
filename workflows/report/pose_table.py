"""PoseTable: pose backbones, trained and published, a line a figure; the kind of boxes is said of each."""

from collections.abc import Sequence

from posebeam.models.row import Published
from posebeam.workflows.report.pose_run import Measured, PoseRun

POSE_HEADER = (
    "run", "backbone", "began from", "measured", "on", "published", "on", "parameters", "GMAC", "input",
    "pictures/s",
)  # fmt: skip
_NOTHING = ("-", "-")
_BOXES = {
    "ground truth": " in annotated boxes",
    "detector": " in detected boxes",
    "file": " in boxes of a file",
    "none": "",
}


def pose_cells(run: PoseRun) -> list[tuple[str, ...]]:
    """Lines under POSE_HEADER, one for each figure that was measured or published, at least one.

    What was measured stands beside what was published in the same kind of boxes, where there is such.
    """
    (mine, theirs), *more = _pairs(run.measured, run.like.published)
    first = (*_who(run), *_mine(mine), *_theirs(theirs), *_what(run))
    return [first, *(("", "", "", *_mine(mine), *_theirs(theirs), "", "", "", "") for mine, theirs in more)]


def _who(run: PoseRun) -> tuple[str, ...]:
    like = ", recipe ".join((run.like.name, run.recipe)) if run.recipe else "-"
    return run.name, like, run.init or "-"


def _what(run: PoseRun) -> tuple[str, ...]:
    height, width = run.facts.input
    speed = f"{run.speed.per_second:.1f}" if run.speed else "-"
    return f"{run.facts.parameters:,}", f"{run.facts.macs / 1e9:.2f}", f"{height} x {width}", speed


def _mine(found: Measured | None) -> tuple[str, ...]:
    if found is None:
        return _NOTHING
    people = f", {found.people} people" if found.people else ""
    return _figures(found), f"{found.where}{people}"


def _theirs(found: Published | None) -> tuple[str, ...]:
    if found is None:
        return _NOTHING
    told = [found.data, found.init, f"{found.fps:g} pictures/s on {found.device}" if found.fps else ""]
    return _figures(found), ", ".join(filter(None, told))


def _figures(found: Measured | Published) -> str:
    told = [f"{value:.1f} {name}" for name, value in (("AP", found.ap), ("AR", found.ar)) if value is not None]
    return f"{', '.join(told) or 'nobody to count'}{_BOXES[found.boxes]}"


def _pairs(
    measured: Sequence[Measured], published: Sequence[Published]
) -> list[tuple[Measured | None, Published | None]]:
    left, pairs = list(published), []
    for mine in measured:
        theirs = next((each for each in left if each.boxes == mine.boxes), None)
        if theirs:
            left.remove(theirs)
        pairs.append((mine, theirs))
    return [*pairs, *((None, each) for each in left)] or [(None, None)]
