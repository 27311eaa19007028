"""posebeam windows: a rule like the data set's, but for what is said."""

from dataclasses import replace

import pytest

from posebeam.transforms.windows import WindowRule
from posebeam.workflows.commands.windows import WindowsConfig, changed_rule

BEFORE = WindowRule(
    length=60, stride=7, mode="first", short="drop", gaps="drop", person="all", min_score=0.3, chain="act-window",
    layout="act13-body25",
)  # fmt: skip


def test_what_is_not_said_is_as_before():
    assert changed_rule(BEFORE, WindowsConfig()) == BEFORE


@pytest.mark.parametrize(
    ("flag", "field", "value"),
    [
        ("chain", "chain", "act"), ("layout", "layout", "act13-coco"), ("window", "length", 30),
        ("stride", "stride", 15), ("windows", "mode", "sliding"), ("short", "short", "pad"),
        ("gaps", "gaps", "keep"), ("person", "person", "main"), ("min_score", "min_score", 0.0),
    ],
)  # fmt: skip
def test_what_is_said_changes_alone(flag, field, value):
    assert changed_rule(BEFORE, WindowsConfig(**{flag: value})) == replace(BEFORE, **{field: value})
