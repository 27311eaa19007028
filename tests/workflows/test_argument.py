"""Arguments: what may lie in an object store, and what is refused before anything is loaded."""

import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from posebeam.pipelines.stores.address import address
from posebeam.workflows.argument import DataSet, Local, NewDataSet, Subject, there

SOME = "gs://bucket/out"


@pytest.fixture
def given():
    """What a command with that argument is given for these words; or its complaint."""

    def ask(kind, *words, nargs=1, callback=None, beam_args=()):
        @click.command()
        @click.argument("what", type=kind, nargs=nargs, callback=callback)
        def command(what):
            seen.append(what)

        seen = []
        result = CliRunner().invoke(command, words, obj=list(beam_args))
        return seen[0] if seen else result.output or result.exception

    return ask


def test_what_is_written_may_be_a_uri(given, tmp_path):
    assert address(given(NewDataSet(), SOME)) == SOME
    assert given(NewDataSet(), str(tmp_path / "new")) == tmp_path / "new"
    (tmp_path / "file").touch()
    assert "is a file" in given(NewDataSet(), str(tmp_path / "file"))


@pytest.mark.parametrize("uri", [SOME, "s3://bucket/out"])
def test_a_run_and_a_file_are_of_this_machine(given, uri, tmp_path):
    assert "only SOURCE and OUT may lie in an object store" in given(Local(path_type=Path), uri)
    assert given(Local(path_type=Path), str(tmp_path)) == tmp_path


def test_what_is_read_is_brought_here(given, tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(
        "posebeam.pipelines.stores.held.held",
        lambda out, *wanted, watch: asked.append((address(out), wanted)) or {"a": 1},
    )
    assert address(given(DataSet("windows", "clips"), SOME)) == SOME
    assert address(given(Subject(), SOME)) == SOME
    assert asked == [(SOME, ("windows", "clips")), (SOME, ("",))]
    assert given(DataSet(), str(tmp_path)) == tmp_path
    assert "does not exist" in given(DataSet(), str(tmp_path / "no"))
    assert given(Subject(), "movenet-lightning") == "movenet-lightning"
    assert len(asked) == 2


def test_a_source_in_a_store_is_looked_at_when_it_is_listed(given, tmp_path):
    assert address(given(click.Path(path_type=Path), SOME, callback=there(folders=True))) == SOME
    found = given(str, SOME + "/*.mp4", str(tmp_path), nargs=-1, callback=there(folders=True))
    assert [address(one) for one in found] == [SOME + "/*.mp4", str(tmp_path)]
    assert "does not exist" in given(
        click.Path(path_type=Path), str(tmp_path / "no"), callback=there(folders=True)
    )


def test_flags_after_the_dashes_say_how_stores_are_reached(given, monkeypatch):
    used = []
    monkeypatch.setattr("posebeam.pipelines.stores.store.use", used.append)
    given(click.Path(path_type=Path), SOME, callback=there(folders=True), beam_args=["--s3_endpoint_url=x"])
    assert used == [["--s3_endpoint_url=x"]]


def test_other_stores_are_refused_in_words(given):
    said = str(given(NewDataSet(), "hdfs://host/out"))
    assert "expected gs://, s3:// or a path" in said


def test_nothing_heavy_is_loaded_for_it():
    import subprocess

    code = (
        "import sys; from posebeam.workflows.argument import NewDataSet\n"
        f"NewDataSet().convert({SOME!r}, None, None)\n"
        "print([name for name in ('torch', 'apache_beam', 'cv2', 'pyarrow') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
