"""posebeam report: runs side by side in the terminal, as JSON, and as a page that needs nothing else."""

import base64
import hashlib
import json
import re
import shutil
from html.parser import HTMLParser

import pytest

from posebeam.workflows.action.training import train
from posebeam.workflows.cli import run as posebeam
from posebeam.workflows.commands.train import TrainConfig


class Page(HTMLParser):
    """The tags and words of a page; every tag must be closed."""

    VOID = ("meta", "link", "br", "path", "use", "image", "input")

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.words = [], [], []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in self.VOID:
            assert self.open.pop() == tag

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.words.append(data.strip())


def test_the_terminal_has_the_runs_side_by_side(runs, capsys):
    capsys.readouterr()
    assert posebeam(["report", *map(str, runs)]) == 0
    shown = " ".join(capsys.readouterr().err.split())
    for text in ("poor", "better", "act-micro", "lift", "recall per class", "one thread of", "222,787"):
        assert text in shown
    (surest, *_) = json.loads((runs[0] / "evaluation/test-movenet-lightning.json").read_text())["mistakes"]
    cells = (surest["clip_id"], surest["truth"], surest["said"], f"{surest['probability']:.0%}")
    assert " │ ".join(cells) in shown


def test_the_figures_are_those_of_evaluate(runs, capsys):
    capsys.readouterr()
    assert posebeam(["report", *map(str, runs), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)["classifiers"]
    for told, folder in zip(said, runs, strict=True):
        stored = json.loads((folder / "evaluation/test-movenet-lightning.json").read_text())
        assert told["evaluations"] == [stored]
        assert told["parameters"] == json.loads((folder / "run.json").read_text())["parameters"]
        assert told["latency_ms"] > 0
    assert said[0]["curves"]["train_loss"].keys() == {"1"}
    assert len(said[1]["curves"]["train_loss"]) == 4


def test_a_page_needs_nothing_else(page):
    text = page.read_text()
    found = Page(text)
    linked = [facts[key] for _, facts in found.tags for key in ("src", "href") if key in facts]
    assert all(link.startswith(("#", "data:")) for link in linked)
    assert "url(http" not in text
    assert not [tag for tag, _ in found.tags if tag in ("iframe", "img")]
    assert "prefers-color-scheme: dark" in text
    assert len(text) < 1_000_000


def test_no_script_but_its_own_runs_in_a_page(page):
    text = page.read_text()
    (script,) = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)
    assert text.count("<script") == 1
    own = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    (policy,) = [facts["content"] for tag, facts in Page(text).tags if "http-equiv" in facts]
    assert dict(part.split(" ", 1) for part in policy.split("; "))["script-src"] == f"'sha256-{own}'"
    assert policy.startswith("default-src 'none'")


def test_a_page_shows_runs_mistakes_and_published_figures(page, runs):
    text = page.read_text()
    found = Page(text)
    named = [facts["aria-label"] for tag, facts in found.tags if tag == "svg"]
    pictures = [name for name in named if not name.startswith("played: ")]
    mistakes = json.loads((runs[0] / "evaluation/test-movenet-lightning.json").read_text())["mistakes"]
    assert mistakes
    assert any(name == f"poor: mistake 1, {mistakes[0]['clip_id']}" for name in pictures)
    assert "reliability of clips" in pictures
    assert "poor: attention by layer" in pictures
    assert sum(facts.get("class") == "player" for _, facts in found.tags) == len(named) - len(pictures) > 1
    assert len(pictures) == len(set(pictures))
    assert "63.0 AP" in found.words
    assert "(no window)" in found.words


def test_a_lone_run_s_section_has_a_heading_too(runs, tmp_path):
    """Though the page as a whole has the same: what runs have beside each other stands between."""
    assert posebeam(["report", str(runs[0]), "--html", str(tmp_path / "r.html"), "--no-speed"]) == 0
    headings = re.findall(r"<h[12]>(.*?)</h[12]>", (tmp_path / "r.html").read_text())
    assert headings == ["poor", "Action models", "poor"]


def test_names_are_text_not_markup(make_windows, tmp_path, capsys):
    labels = ("lift", "rest", "spread")
    out = make_windows(tmp_path / "out", groups=4, labels=labels)
    folder = tmp_path / "<b>[red]run & $x$"
    train(out, folder, TrainConfig(epochs=1, device="cpu"))
    assert posebeam(["evaluate", str(folder), str(out)]) == 0
    assert posebeam(["report", str(folder), "--html", str(tmp_path / "r.html"), "--no-speed"]) == 0
    found = Page((tmp_path / "r.html").read_text())
    assert "b" not in {tag for tag, _ in found.tags}
    assert "<b>[red]run & $x$" in found.words
    assert "<b>[red]run & $x$" in capsys.readouterr().err


def test_without_its_data_set_mistakes_are_a_table(runs, tmp_path):
    shutil.copytree(runs[0], tmp_path / "run")
    path = tmp_path / "run/evaluation/test-movenet-lightning.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"out": "gone"}))
    assert posebeam(["report", str(tmp_path / "run"), "--html", str(tmp_path / "r.html"), "--no-speed"]) == 0
    assert "name it with --data" in (tmp_path / "r.html").read_text()


def test_a_data_set_that_is_named_draws_them(runs, out, tmp_path):
    shutil.copytree(runs[0], tmp_path / "run")
    path = tmp_path / "run/evaluation/test-movenet-lightning.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"out": "gone"}))
    argv = ["report", str(tmp_path / "run"), "--html", str(tmp_path / "r.html"), "--no-speed", "--data", str(out)]
    assert posebeam(argv) == 0
    assert "run: mistake 1" in (tmp_path / "r.html").read_text()


def test_runs_on_other_clips_are_said_to_be_no_comparison(make_windows, runs, tmp_path, capsys):
    fewer = make_windows(tmp_path / "fewer", groups=4, labels=("lift", "spread"))
    train(fewer, tmp_path / "run", TrainConfig(epochs=1, device="cpu"))
    assert posebeam(["evaluate", str(tmp_path / "run"), str(fewer)]) == 0
    capsys.readouterr()
    assert posebeam(["report", str(runs[0]), str(tmp_path / "run"), "--no-speed"]) == 0
    assert "not measured on the same clips" in capsys.readouterr().err


def test_an_unevaluated_run_is_told_how_to(out, tmp_path, capsys):
    train(out, tmp_path / "run", TrainConfig(epochs=1, device="cpu"))
    capsys.readouterr()
    assert posebeam(["report", str(tmp_path / "run"), "--no-speed"]) == 0
    shown = capsys.readouterr().err
    assert "was not evaluated: posebeam evaluate" in shown
    assert "validation groups" in " ".join(shown.split())


def test_evaluations_of_before_are_shown_as_far_as_they_tell(runs, tmp_path):
    shutil.copytree(runs[0], tmp_path / "run")
    path = tmp_path / "run/evaluation/test-movenet-lightning.json"
    old = {k: v for k, v in json.loads(path.read_text()).items() if k not in ("mistakes", "calibration", "out")}
    path.write_text(json.dumps(old))
    assert posebeam(["report", str(tmp_path / "run"), "--html", str(tmp_path / "r.html"), "--no-speed"]) == 0


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda at: None, "neither run.json nor manifest.json"),
        (lambda at: (at / "run.json").write_text("{"), "damaged"),
        (lambda at: (at / "run.json").write_text('{"state": "training"}'), "train, train-pose or pretrain"),
    ],
)
def test_what_is_no_run_is_refused(make, says, tmp_path, capsys):
    make(tmp_path)
    assert posebeam(["report", str(tmp_path)]) == 1
    assert says in capsys.readouterr().err


def test_a_damaged_evaluation_is_named(runs, tmp_path, capsys):
    shutil.copytree(runs[0], tmp_path / "run")
    (tmp_path / "run/evaluation/test-movenet-lightning.json").write_text("{}")
    assert posebeam(["report", str(tmp_path / "run"), "--no-speed"]) == 1
    assert "test-movenet-lightning.json is no evaluation" in capsys.readouterr().err
