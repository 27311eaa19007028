"""posebeam backbones: the table, which README shows as the program makes it."""

import json
from pathlib import Path

import pytest

from posebeam.models import registry
from posebeam.workflows.cli import run
from posebeam.workflows.commands.backbones import cells

README = Path(__file__).parents[2] / "README.md"


def test_readme_shows_the_table_as_it_is(capsys):
    assert run(["backbones", "--markdown"]) == 0
    assert capsys.readouterr().out.strip() in README.read_text(encoding="utf-8")


def test_json_holds_every_row_with_its_sources(capsys):
    assert run(["backbones", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["name"] for row in rows] == [row.name for row in registry.rows()]
    (btranspose,) = [row for row in rows if row["name"] == "btranspose-c3a1-4"]
    assert [each["init"] for each in btranspose["published"]] == ["random", "DINO"]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("transpose-r-a4", ("5,985,105", "6.32", "256 x 192", "72.6 det; 75.1 gt", "138 (RTX 2080 Ti, batch 1)")),
        ("detr-r50", ("41,524,768", "81.17", "800 x 1066", "42.0 of boxes")),
        ("btranspose-c3a1-4-n6", ("11,670,481", "12.57", "256 x 192", "76.3 gt DINO", "", "none published")),
    ],
)
def test_a_row_in_short(name, expected):
    assert cells(registry.row(name))[1 : 1 + len(expected)] == expected


def test_one_row_in_full(capsys):
    assert run(["backbones", "hrnet-w32"]) == 0
    shown = capsys.readouterr().err
    assert "28536113" in shown
    assert "pose_hrnet_w32_256x192.pth" in shown
