"""posebeam windows: windows again from stored poses."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click

from posebeam.transforms.chain import CHAINS
from posebeam.transforms.main_person import PERSONS
from posebeam.transforms.windows import WindowRule
from posebeam.workflows.argument import DataSet, NewDataSet
from posebeam.workflows.config import flags, option, resolve, unsaid
from posebeam.workflows.help import OUTPUT, HelpPage

AS_IN_OUT = -1.0
# The fields of WindowRule by the flags that say them.
_FIELDS = {
    "chain": "chain", "layout": "layout", "window": "length", "stride": "stride", "windows": "mode",
    "short": "short", "gaps": "gaps", "person": "person",
}  # fmt: skip


@dataclass(frozen=True)
class RuleConfig:
    """How windows are cut: flags of posebeam build and posebeam windows, with the defaults of build."""

    chain: str = option(WindowRule.chain, "Keypoint chain.", tuple(CHAINS))
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


@dataclass(frozen=True)
class WindowsConfig:
    """The flags of posebeam windows."""

    min_score: float = option(AS_IN_OUT, "A joint scored lower is missing; -1: as in OUT.")
    chain: str = unsaid(RuleConfig, "chain")
    layout: str = unsaid(RuleConfig, "layout")
    window: int = unsaid(RuleConfig, "window")
    stride: int = unsaid(RuleConfig, "stride")
    windows: str = unsaid(RuleConfig, "windows")
    short: str = unsaid(RuleConfig, "short")
    gaps: str = unsaid(RuleConfig, "gaps")
    person: str = unsaid(RuleConfig, "person")


def window_rule(config: Any, min_score: float) -> WindowRule:
    """The rule out of RuleConfig's flags."""
    return WindowRule(min_score=min_score, **{field: getattr(config, flag) for flag, field in _FIELDS.items()})


def changed_rule(before: WindowRule, config: WindowsConfig) -> WindowRule:
    """A data set's rule, but for what is said."""
    said = {field: value for flag, field in _FIELDS.items() if (value := getattr(config, flag)) is not None}
    least = before.min_score if config.min_score < 0 else config.min_score
    return replace(before, min_score=least, **said)


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
    """Reads OUT/poses, of a finished build; no video is touched. What is not said is as in OUT."""
    from posebeam.pipelines.plan import read_plan
    from posebeam.pipelines.rewindow import rewindow
    from posebeam.workflows.console import facts_table, show

    settings = resolve(WindowsConfig, config, given)
    before = WindowRule(**read_plan(out)["settings"]["windows"])
    manifest = rewindow(out, new, changed_rule(before, settings))
    show(facts_table(f"windows in {new}", manifest["rows"]))
    return 0
