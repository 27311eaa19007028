"""A run folder: begun once, gone on with by the same settings only, and cleared of everything that was its own."""

import pytest
import torch

from posebeam.transforms.errors import ConfigError, DataError
from posebeam.workflows.run_folder import begin, clear, read_record, write_record, write_weights

SETTINGS = ["train.toml", "train-pose.toml", "pretrain.toml"]


def test_a_run_is_begun_once(tmp_path):
    new = {"state": "training", "seed": 0}
    assert begin(tmp_path, new, resume=False) == new
    with pytest.raises(ConfigError, match=r"holds a run \(training\): --resume goes on"):
        begin(tmp_path, new, resume=False)
    assert begin(tmp_path, new, resume=True) == new
    with pytest.raises(ConfigError, match="begun with other settings"):
        begin(tmp_path, new | {"seed": 1}, resume=True)


def test_nothing_of_a_cleared_run_is_left_and_what_is_not_its_own_stays(tmp_path):
    write_record({"state": "finished"}, tmp_path)
    write_weights(torch.nn.Linear(1, 1), tmp_path)
    for name in ("backbone.toml", *SETTINGS, "evaluation/coco-gt.json", "checkpoints/last.ckpt", "logs/v/a.csv"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("of the old model")
    (tmp_path / "notes.txt").write_text("mine")
    clear(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]
    with pytest.raises(DataError, match=r"holds no run\.json"):
        read_record(tmp_path)
    clear(tmp_path / "never-made")
