"""A run folder: begun once, gone on with by the same settings only, and cleared of everything that was its own."""

import pytest
import torch

from posebeam.transforms.errors import ConfigError, DataError
from posebeam.workflows.run_folder import begin, clear, read_record, taken, write_record, write_weights

SETTINGS = ["train.toml", "train-pose.toml", "pretrain.toml"]
OWN = ["backbone.toml", *SETTINGS, "evaluation/coco-gt.json", "checkpoints/last.ckpt", "logs/v/a.csv"]


@pytest.fixture
def run(tmp_path):
    """A finished run, with a file that is not its own."""
    folder = tmp_path / "run"
    write_record({"state": "finished"}, folder)
    write_weights(torch.nn.Linear(1, 1), folder)
    for name in OWN:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("of the old model")
    (folder / "notes.txt").write_text("mine")
    return folder


def contents(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_run_is_begun_once(tmp_path):
    new = {"state": "training", "seed": 0}
    assert begin(tmp_path, new, resume=False) == new
    with pytest.raises(ConfigError, match=r"holds a run \(training\): --resume goes on"):
        begin(tmp_path, new, resume=False)
    assert begin(tmp_path, new, resume=True) == new
    with pytest.raises(ConfigError, match="begun with other settings"):
        begin(tmp_path, new | {"seed": 1}, resume=True)


def test_nothing_of_a_cleared_run_is_left_and_what_is_not_its_own_stays(run, tmp_path):
    clear(run)
    assert [path.name for path in run.iterdir()] == ["notes.txt"]
    with pytest.raises(DataError, match=r"holds no run\.json"):
        read_record(run)
    clear(tmp_path / "never-made")


def test_a_run_is_overwritten_when_the_new_one_begins_and_not_before(run):
    before, new = contents(run), {"state": "training", "seed": 0}
    with taken(run, overwrite=True):
        assert contents(run) == before
        assert begin(run, new, resume=False, overwrite=True) == new
    assert read_record(run) == new
    assert {path.name for path in contents(run)} == {"run.json", "notes.txt"}


def test_a_run_is_not_both_gone_on_with_and_overwritten(run):
    before = contents(run)
    with pytest.raises(ConfigError, match=r"--resume goes on .* --overwrite replaces it: give one"):
        begin(run, {"state": "training"}, resume=True, overwrite=True)
    with pytest.raises(ConfigError, match="give one of them"), taken(run, resume=True, overwrite=True):
        pass
    assert contents(run) == before


@pytest.mark.parametrize("name", ["", "model.safetensors", "checkpoints/best.ckpt", "../run"])
def test_a_run_that_training_starts_from_is_not_overwritten(run, name):
    before = contents(run)
    with pytest.raises(ConfigError, match=r"--overwrite would remove .* take another folder than"):
        begin(run, {"state": "training"}, resume=False, overwrite=True, needs=["", str(run / name)])
    assert contents(run) == before


def test_training_may_start_from_what_overwriting_leaves(run, tmp_path):
    needs = [str(run / "notes.txt"), str(tmp_path), str(tmp_path / "run-2"), "model.safetensors"]
    assert begin(run, {"state": "training"}, resume=False, overwrite=True, needs=needs) == {"state": "training"}


def test_only_runs_are_overwritten(tmp_path):
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs/diary.txt").write_text("dear")
    (tmp_path / "run.json").write_text('{"seconds": 1.0}')  # of another program
    before = contents(tmp_path)
    with pytest.raises(DataError, match="of another program"):
        begin(tmp_path, {"state": "training"}, resume=False, overwrite=True)
    assert contents(tmp_path) == before


def test_what_is_left_of_a_run_that_was_half_removed_is_a_run(run, monkeypatch):
    def stop(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("posebeam.workflows.run_folder.shutil.rmtree", stop)
    with pytest.raises(KeyboardInterrupt):
        clear(run)
    monkeypatch.undo()
    with taken(run, overwrite=True):
        assert begin(run, {"state": "training"}, resume=False, overwrite=True) == {"state": "training"}
