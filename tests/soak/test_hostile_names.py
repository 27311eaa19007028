"""Check 8: names and lists that want to get out, run something, break a reader. Nothing is written elsewhere."""

import csv
import io
import json
import os
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from rich.console import Console

from posebeam.pipelines.check import check
from posebeam.workflows.action.confusion import draw_confusion
from posebeam.workflows.action.metrics import Scores
from posebeam.workflows.cli import run as posebeam
from posebeam.workflows.console import facts_table, rows_table

# Names of clips and of folders, which become labels.
NAMES = (
    "-rf", "--overwrite", "$(touch executed)", "`touch executed`; touch executed", 'quote"\'s', "line\nbreak",
    "carriage\rreturn\ttab", "[bold red]rich", "bold]", "{0}%s%d%n", "back\\slash..\\..", "a...", "a..b",
    "\x1b]0;owned\x07", "a" * 240,
    "\u202egpj.exe\u202c", "\u2028", "- yaml: [", "--- # !!python", "$x_{", "$x^{$", "http:", "data:image",
    "concat:a|b", "%2e%2e%2f", "e\u0301", "\U0001f600", " ", "a:b%03d", "CON", "null", "1e5", "| md | `x`", "a[",
)  # fmt: skip


def contents(folder: Path, but: Path) -> dict[str, bytes | str]:
    """All that is below a folder, but for one folder in it."""
    found: dict[str, bytes | str] = {}
    for path in folder.rglob("*"):
        if path == but or but in path.parents:
            continue
        found[str(path)] = path.read_bytes() if path.is_file() and not path.is_symlink() else "no file"
    return found


@pytest.fixture
def place(film, tmp_path, monkeypatch):
    """A folder to work in, with a file outside SOURCE and OUT that links and lists point to."""
    film(tmp_path / "secret/outside.avi", [np.full((24, 32, 3), 7 * t, np.uint8) for t in range(20)])
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def source(place):
    """SOURCE full of hostile names, and of things that are no files: links out, loops, pipes, devices."""
    source, clip = place / "source", (place / "secret/outside.avi").read_bytes()
    for number, name in enumerate(NAMES):
        for split, label in (("train", name), ("test", NAMES[number - 1])):
            folder = source / split / label
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"{split[:2]}{name[:200]}.avi").write_bytes(clip + bytes([number]))
    odd = source / "train" / "odd"
    odd.mkdir()
    (odd / "out.avi").symlink_to("../../../secret/outside.avi")
    (odd / "loop").symlink_to("..")
    (odd / "self.avi").symlink_to("self.avi")
    (odd / "zero.avi").symlink_to("/dev/zero")
    (odd / "tty.avi").symlink_to("/dev/tty")
    os.mkfifo(odd / "pipe.avi")
    (odd / os.fsdecode(b"\xff\xfe.avi")).write_bytes(clip)
    return source


def test_hostile_names_stay_names(source, place, build, capsys, figure):
    """A name that is formatted, globbed, joined or printed as markup breaks a command, or writes elsewhere."""
    out, before = place / "out", contents(place, place / "out")
    assert posebeam(["build", "videos", str(source), str(out), "--device", "cpu"]) == 0
    said = capsys.readouterr().err
    assert "no UTF-8 text" in said
    assert "\x1b]0" not in said
    manifest = json.loads((out / "manifest.json").read_text())
    assert sorted(manifest["classes"]) == sorted([*NAMES, "odd"])
    rows = pa.concat_tables([pq.read_table(path) for path in sorted((out / "windows").iterdir())])
    names = {Path(clip).name for clip in rows["clip_id"].to_pylist()}
    assert names == {f"{split}{name[:200]}.avi" for split in ("tr", "te") for name in NAMES} | {"out.avi"}
    assert check(out) == []
    front = (out / "README.md").read_text().split("---\n")[1]
    assert {"windows", "poses"} <= {config["config_name"] for config in yaml.safe_load(front)["configs"]}
    assert posebeam(["check", str(out)]) == 0
    assert posebeam(["windows", str(out), str(place / "out/again"), "--stride", "5"]) == 0
    assert contents(place, out) == before
    figure(
        "8 hostile names", f"{len(NAMES)} hostile names of clips and labels, links out, loops, pipes, devices: "
        f"{len(names)} clips built, nothing written outside OUT", names=len(NAMES), clips=len(names),
    )  # fmt: skip


@pytest.mark.filterwarnings("ignore:Glyph")
def test_hostile_labels_are_drawn_as_they_are(place):
    """matplotlib takes what stands between two $ for mathematics."""
    names = tuple(sorted({*NAMES, r"$\input{secret}$"}))
    eye = np.eye(len(names), dtype=np.float32)
    draw_confusion(Scores.of(eye, np.arange(len(names)), np.arange(len(names)), names), "$t_{$", place / "a.png")
    assert (place / "a.png").stat().st_size > 10_000


LISTED = (
    "../secret/outside.avi", "../../../../../../etc/passwd", "/etc/passwd", "/dev/zero", "pipe.avi", "data:,x",
    "a/../../secret/./outside.avi", "..\\..\\secret", "nowhere/../clip.avi", "", "../out/plan.json", "pipe:0",
    "file:///etc/passwd", "concat:/etc/passwd|/etc/passwd", "subfile,,start,0,end,9,,:/etc/passwd",
)  # fmt: skip


@pytest.mark.parametrize("uri", LISTED)
def test_a_hostile_list_of_clips_reads_what_it_names_and_writes_into_out_only(uri, place, build, capsys):
    """A clip id with .. in it, joined to OUT, would write beside OUT; FFmpeg's protocols would read anything."""
    (place / "clip.avi").write_bytes((place / "secret/outside.avi").read_bytes())
    os.mkfifo(place / "pipe.avi")
    with (place / "list.csv").open("w", newline="") as file:
        csv.writer(file).writerows(
            [("uri", "label", "split"), ("clip.avi", "..", "train"), (uri, "../../up", "train")]
        )
    before = contents(place, place / "out")
    code = posebeam(
        ["build", "manifest", "list.csv", "out", "--device", "cpu", "--allow-missing", "--max-rejects", "1"]
    )
    said = capsys.readouterr().err
    assert "Traceback" not in said
    assert contents(place, place / "out") == before
    if code:
        assert "list.csv" in said
        return
    rows = [row for path in (place / "out").glob("[pr]*/*.parquet") for row in pq.read_table(path).to_pylist()]
    assert all(".." not in row["clip_id"].split("/") and not row["clip_id"].startswith("/") for row in rows)
    assert {row["clip_id"] for row in rows if "reason" not in row} <= {"clip.avi"} | {
        row["clip_id"]
        for row in rows
        if row["clip_id"].startswith("outside/") and row["clip_id"].endswith("outside.avi")
    }


def test_names_are_printed_as_they_are():
    """rich takes what stands in brackets for markup: labels would vanish from tables, or break them."""
    console = Console(width=100, record=True, file=io.StringIO())
    rows = [(name, 1.0) for name in ("[bold red]rich", "a[/bold].avi", "[/]")]
    console.print(rows_table("t", ("label", "share"), rows))
    console.print(facts_table("t", dict.fromkeys(("[red]", "[/x]"), "[link=x]y")))
    printed = console.export_text()
    assert all(name in printed for name, _ in rows)
    assert printed.count("[link=x]y") == 2


def test_official_lists_that_point_elsewhere_are_refused(place, capsys):
    """Names in the lists are only looked up among the files below SOURCE, never opened."""
    lists = place / "source/ucfTrainTestlist"
    lists.mkdir(parents=True)
    (lists / "classInd.txt").write_text("1 ..\n")
    for split in (1, 2, 3):
        (lists / f"trainlist0{split}.txt").write_text("../v_x_g01_c01.avi 1\n")
        (lists / f"testlist0{split}.txt").write_text("../v_x_g02_c01.avi\n")
    (place / "v_x_g01_c01.avi").write_bytes((place / "secret/outside.avi").read_bytes())
    assert posebeam(["build", "ucf101", str(place / "source"), str(place / "out"), "--allow-missing"]) == 1
    assert "expected <Class>/v_<Class>" in capsys.readouterr().err
    assert not (place / "out").exists()
