"""The parts of a report: curves from logs, charts as text, names for columns."""

import re
from xml.etree import ElementTree as ET

import pytest
import torch
from torch import nn

from posebeam.models.registry import row
from posebeam.transforms.errors import ConfigError
from posebeam.workflows.report import charts
from posebeam.workflows.report.curves import read_curves
from posebeam.workflows.report.pose_run import Measured, PoseRun
from posebeam.workflows.report.pose_table import POSE_HEADER, pose_cells
from posebeam.workflows.report.speed import batch_one
from posebeam.workflows.report.subject import kind_of, short_names
from posebeam.workflows.report.svg import as_svg


def log(run, start, *lines):
    path = run / "logs" / f"version_{start}" / "metrics.csv"
    path.parent.mkdir(parents=True)
    path.write_text("\n".join(lines))


def test_a_later_start_counts_and_empty_cells_do_not(tmp_path):
    log(tmp_path, 9, "epoch,step,train_loss,val_loss", "0,1,3.0,", "0,2,,2.5", "1,3,2.0,", "2,5,nan,")
    log(tmp_path, 10, "epoch,step,train_loss", "1,3,1.5")
    assert read_curves(tmp_path) == {"train_loss": {1: 3.0, 2: 1.5}, "val_loss": {1: 2.5}}
    assert read_curves(tmp_path / "none") == {}


def test_a_chart_is_one_svg_in_the_colours_of_the_page():
    made = charts.curves("loss & more", {"$train$": {1: 0.123456, 2: 0.0625}, "<b>": {1: 2.0}})
    text = as_svg(made, 'a "title" <&>')
    root = ET.fromstring(text)
    assert root.get("aria-label") == 'a "title" <&>'
    words = "".join(root.itertext())
    assert "loss & more" in words
    assert "$train$" in words
    assert "<b>" in words
    assert "var(--ink)" in text
    assert "var(--faint)" in text
    assert not re.search(r"font-family|<style|<\?xml|<!DOCTYPE|#0102|#0405|#0708", text)
    assert text == as_svg(made, 'a "title" <&>')


def test_ids_of_two_charts_differ():
    made = charts.curves("loss", {"train": {1: 1.0, 2: 2.0, 3: 1.0}})
    ids = [set(re.findall(r' id="([^"]*)"', as_svg(made, name))) for name in ("one", "two")]
    assert ids[0]
    assert not ids[0] & ids[1]


def test_shortened_numbers_are_those_of_places_not_of_text():
    text = as_svg(charts.reliability({"run": {"error": 0.0784, "bins": []}}), "reliability")
    assert "run: error 0.078" in text


def test_a_confusion_shows_what_was_said_and_what_was_not():
    words = ET.fromstring(as_svg(charts.confusion([[11, 2], [0, 13]], ["lift", "rest"], [0, 4]), "confusion"))
    told = [text.strip() for text in words.itertext() if text.strip()]
    assert {"11", "2", "13", "4", "(no window)", "lift"} <= set(told)
    assert "0" not in told


def test_columns_are_told_apart(tmp_path):
    for name in ("a/run", "b/run", "c"):
        (tmp_path / name).mkdir(parents=True)
    both = [str(tmp_path / "a/run"), str(tmp_path / "b/run")]
    assert list(short_names(both).values()) == ["a/run", "b/run"]
    assert short_names([both[0], str(tmp_path / "c"), "movenet-lightning"]) == {
        both[0]: "run", str(tmp_path / "c"): "c", "movenet-lightning": "movenet-lightning"
    }  # fmt: skip


def test_what_is_nothing_is_said(tmp_path):
    assert kind_of("movenet-lightning") == "backbone"
    with pytest.raises(ConfigError, match="no folder of a run or a data set is there, and no backbone"):
        kind_of(str(tmp_path / "nowhere"))
    with pytest.raises(ConfigError, match="near: movenet-lightning"):
        kind_of("movenet-lightening")


def test_speed_is_of_one_input_on_one_thread():
    class Watch(nn.Module):
        def forward(self, x):
            seen.append((torch.get_num_threads(), x.shape, torch.is_inference_mode_enabled()))
            return x * 2

    seen = []
    found = batch_one(Watch(), 1, 30, 52)
    assert set(seen) == {(1, torch.Size([1, 30, 52]), True)}
    assert found.milliseconds > 0
    assert found.per_second == pytest.approx(1000 / found.milliseconds)
    assert len(seen) > found.calls >= 15


def test_a_measured_figure_stands_beside_the_published_one_of_its_boxes():
    facts = row("transpose-r-a4")
    mine = Measured("validation", "ground truth", 51.25, 60.0, 10, 12)
    run = PoseRun(
        "mine",
        facts,
        facts,
        {"recipe": {"name": "transpose"}, "start": {"source": "/a/b/c.pth", "taken": 9}},
        (mine,),
        {},
        None,
    )
    first, second = (dict(zip(enumerate(POSE_HEADER), line, strict=True)) for line in pose_cells(run))
    assert first[3, "measured"] == "51.2 AP, 60.0 AR in annotated boxes"
    assert first[5, "published"] == "75.1 AP in annotated boxes"
    assert (second[3, "measured"], second[5, "published"]) == ("-", "72.6 AP, 78.0 AR in detected boxes")
    assert first[2, "began from"] == "b/c.pth, 9 tensors"
    assert first[1, "backbone"] == "transpose-r-a4, recipe transpose"


def test_nobody_to_count_is_no_figure():
    found = Measured("validation", "none", None, None, 3, 0)
    facts = row("movenet-lightning")
    run = PoseRun(
        "mine", facts, facts, {"recipe": "mine", "start": {"source": "", "taken": 0}}, (found,), {}, None
    )
    (line,) = pose_cells(run)
    assert line[2:6] == ("made weights", "nobody to count", "validation", "63.0 AP")


def test_long_names_of_runs_stay_within_their_chart():
    names = [f"experiments-of-november-{number}" for number in range(3)]
    calibration = {"error": 0.1, "bins": [{"confidence": 0.5, "accuracy": 0.4, "count": 3}]}
    made = (
        charts.bars("", {"wave": [0.5, 0.25, None]}, names, percent=True),
        charts.reliability(dict.fromkeys(names, calibration)),
    )
    for figure in made:
        figure.draw_without_rendering()
        legend, axes = figure.legends[0].get_window_extent(), figure.axes[0].get_tightbbox()
        assert 0 <= legend.x0 <= legend.x1 <= figure.bbox.width
        assert not legend.overlaps(axes)
