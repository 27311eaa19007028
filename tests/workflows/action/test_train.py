"""posebeam train: from windows to a run folder, by groups, resumable, and never from the test part."""

import json
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest
import torch
from lightning.pytorch.callbacks import ModelCheckpoint
from safetensors.torch import load_file

from posebeam.pipelines.read import WindowReader
from posebeam.transforms.augment import mirror
from posebeam.transforms.errors import ConfigError, DataError
from posebeam.transforms.layout import layout
from posebeam.workflows.action.samples import EpochOrder, Samples, divide, loader
from posebeam.workflows.action.trained import Trained
from posebeam.workflows.action.training import train
from posebeam.workflows.cli import run as posebeam
from posebeam.workflows.commands.train import TrainConfig
from posebeam.workflows.run_folder import read_record, write_record
from posebeam.workflows.trainer import EpochLines


@pytest.fixture(scope="module")
def out(make_windows, tmp_path_factory):
    return make_windows(tmp_path_factory.mktemp("data") / "out")


@pytest.fixture(scope="module")
def run(out, tmp_path_factory):
    """A run that was trained by the command."""
    folder = tmp_path_factory.mktemp("runs") / "run"
    assert (
        posebeam(["train", str(out), str(folder), "--epochs", "12", "--batch-size", "16", "--device", "cpu"]) == 0
    )
    return folder


def weights(folder):
    return load_file(folder / "model.safetensors")


def contents(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def power_cut(monkeypatch):
    """power_cut(out, run, config, epoch): training that ends within an epoch, 0 the first."""

    def cut(out, run, config, epoch):
        plain = EpochLines.on_train_epoch_end

        def stop(self, trainer, module):
            if trainer.current_epoch == epoch:
                raise RuntimeError("power cut")
            plain(self, trainer, module)

        with monkeypatch.context() as patch:
            patch.setattr(EpochLines, "on_train_epoch_end", stop)
            with pytest.raises(RuntimeError, match="power cut"):
                train(out, run, config)

    return cut


def equal(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def test_it_learns_what_is_there_to_learn(run):
    record = json.loads((run / "run.json").read_text())
    assert record["validation"]["clip_accuracy"] >= 0.9


def test_the_run_folder_says_everything(out, run):
    record = json.loads((run / "run.json").read_text())
    assert record["state"] == "finished"
    assert record["classes"] == ["lift", "rest", "spread"]
    assert record["data"] == json.loads((out / "manifest.json").read_text())["config"]
    assert record["manifest_sha256"] == WindowReader(out).digest
    assert (record["model"], record["split"], record["seed"], record["epochs"]) == ("act-micro", 0, 0, 12)
    assert record["recipe"]["name"] == "default"
    assert record["recipe"]["epochs"] == 12
    assert 1 <= record["epoch"] <= 12
    assert record["windows"]["train"] + record["windows"]["validation"] == 3 * 6 * 2 * 3
    assert "epochs = 12" in (run / "train.toml").read_text()
    assert (run / "checkpoints/last.ckpt").is_file()
    assert len((run / "logs/version_0/metrics.csv").read_text().splitlines()) >= 12
    assert list((run / "logs/version_0").glob("events.out.tfevents.*"))


def test_the_kept_weights_are_the_best_epoch(run):
    lines = (run / "logs/version_0/metrics.csv").read_text().splitlines()
    header = lines[0].split(",")
    rows = [dict(zip(header, line.split(","), strict=True)) for line in lines[1:]]
    record = json.loads((run / "run.json").read_text())
    monitor = record["recipe"]["monitor"]
    scores = {int(row["epoch"]): float(row[monitor]) for row in rows if row[monitor]}
    best = max(scores.values()) if monitor != "val_loss" else min(scores.values())
    assert scores[record["epoch"] - 1] == best
    if monitor == "val_clip_accuracy":
        assert record["validation"]["clip_accuracy"] == pytest.approx(best)


def test_a_group_never_trains_and_validates_and_the_test_part_is_left_alone(out):
    reader = WindowReader(out)
    for split in (1, 2, 3):
        division = divide(reader, split, 0.2, seed=0)
        trains, validates = (set(reader.groups[rows]) for rows in (division.train, division.validation))
        tests = set(reader.groups[reader.parts(split) == "test"])
        assert not trains & validates
        assert not (trains | validates) & tests
        assert trains | validates | tests == {f"g{number}" for number in range(8)}
        assert validates == set(division.groups)
        assert set(reader.labels[division.validation]) == {0, 1, 2}


def test_the_seed_draws_the_validation_groups(out):
    reader = WindowReader(out)
    drawn = {divide(reader, 1, 0.2, seed).groups for seed in range(8)}
    assert len(drawn) > 1
    assert divide(reader, 1, 0.2, 3).groups == divide(reader, 1, 0.2, 3).groups
    assert not len(divide(reader, 1, 0.0, 3).validation)


def test_a_validation_part_of_the_data_set_is_used(make_windows, tmp_path):
    reader = WindowReader(make_windows(tmp_path / "out", official=False, groups=5))
    division = divide(reader, 0, 0.15, seed=0)
    assert division.groups == ("g4",)
    assert set(reader.groups[division.train]) == {"g2", "g3"}


def test_every_window_comes_once_an_epoch(out):
    windows = Samples(WindowReader(out), np.arange(5, 77))
    order = EpochOrder(windows, seed=0)
    epochs = []
    for epoch in (0, 1, 0):
        order.set_epoch(epoch)
        batches = list(loader(windows, 16, order))
        assert sum(len(batch.x) for batch in batches) == 72
        epochs.append(torch.cat([batch.x for batch in batches]))
    assert torch.equal(epochs[0], epochs[2])
    assert not torch.equal(epochs[0], epochs[1])
    x, _ = windows.reader.take(windows.rows)
    ordered = torch.cat([batch.x for batch in loader(windows, 16)])
    assert torch.equal(ordered, torch.from_numpy(x))
    assert torch.equal(epochs[0].sum((1, 2)).sort().values, ordered.sum((1, 2)).sort().values)


def test_a_resumed_run_ends_where_an_undisturbed_one_does(out, tmp_path, power_cut):
    config = TrainConfig(epochs=5, val_part=0.0, device="cpu")  # so that the last epoch is kept
    train(out, tmp_path / "whole", config)
    power_cut(out, tmp_path / "cut", config, epoch=3)
    with pytest.raises(DataError, match="training is unfinished; go on with the same command and --resume"):
        Trained.load(tmp_path / "cut")
    resumed = train(out, tmp_path / "cut", config, resume=True)
    assert resumed["state"] == "finished"
    assert equal(weights(tmp_path / "whole"), weights(tmp_path / "cut"))
    assert len(list((tmp_path / "cut/logs").iterdir())) == 2


@pytest.fixture(scope="module")
def early(out, tmp_path_factory):
    """A run whose best epoch is one of the first two of four, and its configuration."""
    folder, config = tmp_path_factory.mktemp("runs") / "early", TrainConfig(epochs=4, batch_size=16, device="cpu")
    assert train(out, folder, config)["epoch"] <= 2
    return folder, config


def test_a_run_that_was_moved_keeps_its_best_epoch(out, early, tmp_path, power_cut):
    """Whatever lies by now where it was."""
    whole, config = early
    power_cut(out, tmp_path / "cut", config, epoch=2)
    (tmp_path / "cut").rename(tmp_path / "moved")
    other = tmp_path / "cut/checkpoints/best.ckpt"
    other.parent.mkdir(parents=True)
    other.write_text("of another run")
    resumed, record = train(out, tmp_path / "moved", config, resume=True), read_record(whole)
    assert {**resumed, "seconds": record["seconds"]} == record
    assert equal(weights(whole), weights(tmp_path / "moved"))
    assert contents(tmp_path / "cut") == {other: b"of another run"}


@pytest.mark.parametrize("val_part", [0.15, 0.0])
def test_a_run_that_was_moved_after_its_last_epoch_needs_no_other(out, tmp_path, val_part):
    config = TrainConfig(epochs=1, val_part=val_part, device="cpu")
    record = train(out, tmp_path / "whole", config)
    moved = (tmp_path / "whole").rename(tmp_path / "moved")
    kept = weights(moved)
    (moved / "model.safetensors").unlink()
    write_record(record | {"state": "training"}, moved)
    resumed = train(out, moved, config, resume=True)
    assert (resumed["epoch"], resumed["validation"]) == (record["epoch"], record["validation"])
    assert equal(kept, weights(moved))


def test_checkpoints_know_the_best_epoch_by_the_trainer_s_own_name(early):
    """By which runs that were begun before are resumed."""
    held = torch.load(early[0] / "checkpoints/last.ckpt", weights_only=True)["callbacks"]
    kept = ModelCheckpoint(monitor="val_clip_accuracy", mode="max", save_on_train_epoch_end=True)
    assert "best.ckpt" in held[kept.state_key]["best_model_path"]


def test_the_seed_decides_the_result(out, tmp_path):
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        train(out, tmp_path / name, TrainConfig(epochs=1, seed=seed, device="cpu"))
    assert equal(weights(tmp_path / "a"), weights(tmp_path / "b"))
    assert not equal(weights(tmp_path / "a"), weights(tmp_path / "c"))


def test_without_validation_the_last_epoch_is_kept(out, tmp_path):
    record = train(out, tmp_path / "run", TrainConfig(epochs=2, val_part=0.0, split=2, device="cpu"))
    assert (record["epoch"], record["epochs"], record["validation"]) == (2, 2, None)
    assert record["windows"] == {"train": 3 * 6 * 2 * 3, "validation": 0}


def test_the_published_recipe_runs(out, tmp_path):
    record = train(out, tmp_path / "run", TrainConfig(recipe="published", epochs=3, device="cpu"))
    assert record["recipe"]["batch"] == 512


def test_mixed_precision_keeps_weights_in_32_bits(out, tmp_path):
    record = train(out, tmp_path / "run", TrainConfig(epochs=1, precision="bf16-mixed", device="cpu"))
    assert record["precision"] == "bf16-mixed"
    assert {tensor.dtype for tensor in weights(tmp_path / "run").values()} == {torch.float32}


def test_an_existing_run_is_not_overwritten_unasked(out, run, capsys):
    before = weights(run)
    flags = [str(out), str(run), "--epochs", "12", "--batch-size", "16", "--device", "cpu"]
    assert posebeam(["train", *flags]) == 2
    assert "holds a run (finished): --resume goes on with it, --overwrite replaces it" in capsys.readouterr().err
    assert posebeam(["train", *flags, "--resume"]) == 0
    assert equal(before, weights(run))


def test_a_run_of_other_settings_is_not_gone_on_with(out, run):
    with pytest.raises(ConfigError, match=r"begun with other settings:\n.*seed: 0 in the folder, 5 now"):
        train(out, run, TrainConfig(epochs=12, batch_size=16, seed=5), resume=True)


def test_overwrite_replaces(out, tmp_path):
    flags = ["train", str(out), str(tmp_path / "run"), "--epochs", "1", "--device", "cpu"]
    assert posebeam(flags) == 0
    assert posebeam([*flags, "--seed", "3", "--overwrite"]) == 0
    assert json.loads((tmp_path / "run/run.json").read_text())["seed"] == 3


@pytest.mark.parametrize(
    ("data", "flags", "says"),
    [
        ("out", ["--recipe", "typo"], "known: default, published"),
        ("own", ["--split", "2"], "no official split 2"),
        ("out", ["--val-part", "2"], "val_part: got 2"),
        ("out", ["--seed", "-1"], "seed: got -1, expected 0 or more"),
        ("out", ["--resume"], "--resume goes on with the run in RUN, --overwrite replaces it: give one of them"),
        ("unfinished", [], "its build is unfinished"),
    ],
)
def test_a_refused_command_leaves_the_run_that_it_would_overwrite(
    out, run, make_windows, tmp_path, data, flags, says, capsys
):
    (tmp_path / "unfinished").mkdir()
    (tmp_path / "unfinished/plan.json").write_text("{}")
    own = make_windows(tmp_path / "own", official=False, groups=4)
    source = {"out": out, "own": own, "unfinished": tmp_path / "unfinished"}[data]
    copy = shutil.copytree(run, tmp_path / "copy")
    before = contents(copy)
    plain = ["--overwrite", "--epochs", "1", "--device", "cpu"]
    assert posebeam(["train", str(source), str(copy), *plain, *flags]) in (1, 2)
    assert says in " ".join(capsys.readouterr().err.split())
    assert contents(copy) == before


@pytest.mark.parametrize("seed", [-1, 2**63])
def test_a_seed_that_is_none_is_refused_at_once(seed):
    with pytest.raises(ConfigError, match=rf"seed: got {seed}, expected 0 or more, below 2\*\*63"):
        TrainConfig(seed=seed)


def test_an_unfinished_data_set_is_refused(tmp_path, capsys):
    (tmp_path / "plan.json").write_text("{}")
    assert posebeam(["train", str(tmp_path), str(tmp_path / "run")]) == 1
    assert "its build is unfinished" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_a_split_that_is_not_there_is_refused(make_windows, tmp_path):
    out = make_windows(tmp_path / "out", official=False, groups=4)
    with pytest.raises(DataError, match="no official split 2"):
        train(out, tmp_path / "run", TrainConfig(split=2))


def test_help_loads_no_torch():
    program = (
        "import sys; from posebeam.workflows.cli import run\n"
        "for name in ('train', 'evaluate'): run([name, '--help'])\n"
        "print(sorted({'torch', 'lightning', 'pyarrow', 'apache_beam', 'cv2', 'matplotlib'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
    assert re.search(r"--val-part", done.stdout)


def test_a_mirrored_recipe_gives_a_window_and_its_mirror_image_the_same_label(out, run):
    trained = Trained.load(run, "cpu")
    assert trained.record["recipe"]["mirrored"]
    x, valid = WindowReader(out).take(np.arange(8))
    images, seen = mirror(x, valid, layout(trained.made.layout))
    np.testing.assert_allclose(trained.probabilities(x, valid), trained.probabilities(images, seen), atol=1e-6)
