"""posebeam windows: windows again from stored poses."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from posebeam.transforms.main_person import PERSONS
from posebeam.transforms.windows import WindowRule
from posebeam.workflows.argument import DataSet, NewDataSet
from posebeam.workflows.config import flags, option, resolve
from posebeam.workflows.help import OUTPUT, HelpPage


@dataclass(frozen=True)
class WindowsConfig:
    """The flags of posebeam windows."""

    min_score: float = option(-1.0, "A joint scored lower is missing; -1: as in OUT.")
    chain: str = option(WindowRule.chain, "Keypoint chain.", ("act", "act-repaired", "act-window"))
    layout: str = option(WindowRule.layout, "Order of the 13 joints.", ("act13-coco", "act13-body25"))
    window: int = option(WindowRule.length, "Frames a window.")
    stride: int = option(WindowRule.stride, "Frames between the starts of two windows.")
    windows: str = option(WindowRule.mode, "All windows of a clip, or its first only.", ("sliding", "first"))
    short: str = option(
        WindowRule.short, "A tail under a window: repeat its last pose, or leave it out.", ("pad", "drop")
    )
    gaps: str = option(
        WindowRule.gaps, "Frames without the person: keep as missing, or leave out.", ("keep", "drop")
    )
    person: str = option(
        WindowRule.person, "Whose windows: the longest, largest, steadiest track's, or everybody's.", PERSONS
    )


def window_rule(config: Any, min_score: float) -> WindowRule:
    """The rule out of flags of the same names."""
    return WindowRule(
        length=config.window, stride=config.stride, mode=config.windows, short=config.short, gaps=config.gaps,
        person=config.person, min_score=min_score, chain=config.chain, layout=config.layout,
    )  # fmt: skip


SECTIONS = {
    OUTPUT: {
        "NEW": "a whole data set: OUT's poses, the new windows, card and manifest",
    },
}
EXAMPLES = (
    (
        "posebeam windows out/data out/data-5 --chain act-window --stride 5",
        "another chain, and windows three times as dense",
    ),
    ("posebeam windows out/data out/all --person all", "everybody's windows, not the main person's only"),
)


@click.command(cls=HelpPage, sections=SECTIONS, examples=EXAMPLES)
@click.argument("out", type=DataSet())
@click.argument("new", type=NewDataSet())
@flags(WindowsConfig)
def command(out: Path, new: Path, config: Path | None, **given: Any) -> int:
    """Reads OUT/poses, of a finished build; no video is touched."""
    from posebeam.pipelines.plan import read_plan
    from posebeam.pipelines.rewindow import rewindow
    from posebeam.workflows.console import facts_table, show

    settings = resolve(WindowsConfig, config, given)
    before = read_plan(out)["settings"]["windows"]["min_score"]
    rule = window_rule(settings, before if settings.min_score < 0 else settings.min_score)
    manifest = rewindow(out, new, rule)
    show(facts_table(f"windows in {new}", manifest["rows"]))
    return 0
