"""posebeam report on pre-trained trunks: figures beside what a collapse would show, curves, and its own words."""

import json

import pytest

from posebeam.workflows.cli import run as posebeam

RECORD = {
    "state": "finished", "task": "pretrain", "backbone": "btranspose-c3a1-4", "images": 1200, "parameters": 4321,
    "recipe": {"name": "default", "outputs": 1024, "epochs": 3}, "epochs": 3, "collapsed": "",
    "figures": {"loss": 5.25, "teacher_entropy": 4.5, "teacher_spread": 2.125},
}  # fmt: skip
LOG = "epoch,step,loss,teacher_entropy\n0,3,6.5,6.25\n1,7,5.5,5.0\n2,11,5.25,4.5\n"


@pytest.fixture
def folder(tmp_path):
    def make(name, **other):
        run = tmp_path / name
        (run / "logs/version_0").mkdir(parents=True)
        (run / "run.json").write_text(json.dumps(RECORD | other))
        (run / "logs/version_0/metrics.csv").write_text(LOG)
        return run

    return make


def shown(capsys, *names, flags=()):
    capsys.readouterr()
    assert posebeam(["report", *map(str, names), "--no-speed", *flags]) == 0
    found = capsys.readouterr()
    return found.out, " ".join(found.err.split())


def test_figures_stand_beside_what_a_collapse_would_show(folder, capsys):
    _, words = shown(capsys, folder("trunk"))
    for told in ("pre-trained trunks", "1,200", "5.25", "6.931", "2.125", "train-pose --init RUN"):
        assert told in words
    assert "has collapsed" not in words


def test_a_collapse_is_said_and_an_unfinished_one_has_no_figures(folder, capsys):
    _, words = shown(capsys, folder("flat", collapsed="uniform"))
    assert "flat has collapsed: uniform" in words
    early = {key: value for key, value in RECORD.items() if key not in ("figures", "collapsed", "epochs")}
    run = folder("early")
    (run / "run.json").write_text(json.dumps(early | {"state": "training"}))
    assert "default (unfinished)" in shown(capsys, run)[1]


def test_json_holds_the_curves(folder, capsys):
    words, _ = shown(capsys, folder("trunk"), flags=["--json"])
    (trunk,) = json.loads(words)["trunks"]
    assert trunk["figures"]["loss"] == 5.25
    assert trunk["curves"]["loss"] == {"1": 6.5, "2": 5.5, "3": 5.25}


def test_the_page_draws_them(folder, capsys, tmp_path):
    shown(capsys, folder("one"), folder("two", collapsed="constant"), flags=["--html", str(tmp_path / "r.html")])
    page = (tmp_path / "r.html").read_text()
    for told in ("Pre-trained trunks", "one: loss by epoch", "two has collapsed: constant", "6.931"):
        assert told in page


def test_a_record_that_says_too_little_is_named(folder, capsys):
    run = folder("bare")
    (run / "run.json").write_text(json.dumps({"task": "pretrain", "state": "training"}))
    assert posebeam(["report", str(run)]) == 1
    assert "says nothing of backbone, recipe, images, parameters" in " ".join(capsys.readouterr().err.split())
