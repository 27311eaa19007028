"""What a newcomer does wrong: a line that says what was got, what is expected, what to do; nothing is touched."""

import errno
import json
import os

import pytest

from posebeam.workflows.cli import run
from posebeam.workflows.run_folder import taken


@pytest.fixture
def said(capsys):
    """said(*argv): the exit code and what stands on stderr, in one line."""

    def say(*argv):
        code = run([str(word) for word in argv])
        return code, " ".join(capsys.readouterr().err.split())

    return say


@pytest.fixture(scope="module")
def data(make_windows, tmp_path_factory):
    return make_windows(tmp_path_factory.mktemp("data") / "data", groups=3, official=False)


@pytest.fixture
def mine(tmp_path):
    """A folder of the user's, with what a training would write and what not."""
    folder = tmp_path / "mine"
    (folder / "logs").mkdir(parents=True)
    (folder / "logs" / "diary.txt").write_text("dear")
    (folder / "model.safetensors").write_text("another program's")
    return folder


def contents(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("more", [(), ("--overwrite",), ("--resume",)])
@pytest.mark.parametrize("train", [("train",), ("train-pose", "--backbone", "transpose-r-a3"), ("pretrain",)])
def test_no_training_touches_a_folder_that_holds_no_run(train, more, data, mine, said):
    before = contents(mine)
    code, text = said(train[0], data, mine, *train[1:], *more)
    assert code == 2
    assert f"{mine} holds files but no run.json: it is no run of posebeam; take another folder" in text
    assert contents(mine) == before


@pytest.mark.parametrize("more", [(), ("--overwrite",), ("--resume",)])
def test_a_data_set_is_no_run_folder(more, data, said):
    (data / "run.json").write_text(json.dumps({"seconds": 1.0}))  # every build leaves one
    before = contents(data)
    code, text = said("train", data, data, *more)
    assert code == 1
    assert "is a data set, expected a run folder; posebeam train OUT RUN makes one" in text
    assert contents(data) == before


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (["--device", "cuda", "--devices", "64"], "--device cpu"),
        (["--device", "abacus"], "--device abacus --devices 1: lightning has none here"),
        (["--devices", "0"], "--device auto --devices 0: lightning has none here"),
        (["--split", "7"], "split: got 7, expected an official split 1, 2 or 3, or 0"),
    ],
)
def test_what_cannot_be_trained_leaves_no_run(flags, says, data, tmp_path, said):
    code, text = said("train", data, tmp_path / "run", *flags)
    assert code == 2
    assert says in text or "lightning has none here" in text
    assert not (tmp_path / "run").exists()


def test_one_class_is_nothing_to_tell_apart(make_windows, tmp_path, said):
    code, text = said("train", make_windows(tmp_path / "data", labels=["lift"]), tmp_path / "run")
    assert code == 1
    assert "holds one class, lift: a model tells two or more apart" in text


def test_a_folder_that_is_no_data_set_is_not_called_unfinished(tmp_path, said):
    code, text = said("train", tmp_path, tmp_path / "run")
    assert code == 1
    assert "it is no data set of posebeam (posebeam build makes one)" in text


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (["--workers", "0"], "workers: got 0, expected 1 or more"),
        (["--max-rejects", "2"], "max_rejects: got 2.0, expected a share from 0 to 1"),
        (["--backbone", "movenet-lightening"], "no backbone 'movenet-lightening'; near: movenet-lightning"),
        (["--backbone", "zzz"], "no backbone 'zzz'; posebeam backbones lists all"),
        (["--backbone", "detr-r50"], "finds people's boxes and no joints: take it as --detector detr-r50"),
    ],
)
def test_a_build_that_cannot_be_is_refused_at_once(flags, says, media, tmp_path, said):
    code, text = said("build", "videos", media / "actions", tmp_path / "out", *flags)
    assert code == 2
    assert says in text
    assert len(text) < 400
    assert not (tmp_path / "out").exists()


def test_run_keeps_its_overlay_out_of_the_videos(media, said):
    out = media / "actions" / "out"
    code, text = said("run", media / "actions", out)
    assert code == 2
    assert "take a folder beside it" in text
    assert not out.exists()


def test_a_picture_that_is_none_is_named(tmp_path, said):
    (tmp_path / "empty.mp4").touch()
    code, text = said("explain", tmp_path / "empty.mp4", tmp_path / "out.png", "--backbone", "transpose-r-a3")
    assert code == 1
    assert "empty.mp4 is no image or video that can be read: the file is empty" in text


@pytest.mark.parametrize(
    ("code", "advice"),
    [
        (errno.ENOSPC, "No space left on device; what is finished is kept"),
        (errno.EACCES, "Permission denied; take a folder that you may write to"),
        (errno.EROFS, "Read-only file system; take a folder that you may write to"),
        (errno.ENOTDIR, "Not a directory; take another path"),
    ],
)
def test_what_the_system_refuses_is_said_with_what_to_do(code, advice, media, tmp_path, said, monkeypatch):
    def refuse(*where):
        raise OSError(code, os.strerror(code), "/mnt/full/plan.json")

    monkeypatch.setattr("posebeam.workflows.build_work.build_data", refuse)
    got, text = said("build", "videos", media / "actions", tmp_path / "out", "--device", "cpu")
    assert got == 1
    assert f"posebeam: /mnt/full/plan.json: {advice}" in text


def test_two_trainings_do_not_share_a_folder(data, tmp_path, said):
    with taken(tmp_path / "run", overwrite=False):
        code, text = said("train", data, tmp_path / "run", "--resume")
    assert code == 1
    assert f"another training is writing to {tmp_path / 'run'}: wait for it or take another folder" in text
    assert not (tmp_path / "run").exists()


def test_run_wants_two_labels_before_it_builds(media, tmp_path, said):
    (tmp_path / "videos").mkdir()
    (tmp_path / "videos" / "walking").symlink_to(media / "actions" / "walking")
    code, text = said("run", tmp_path / "videos", tmp_path / "out")
    assert code == 1
    assert "holds clips of one label, walking: a model tells two or more apart" in text
    assert not (tmp_path / "out").exists()
