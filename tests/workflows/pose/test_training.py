"""posebeam train-pose: from images to a run folder that is a backbone; killed and gone on with, the same curve."""

import csv
import json
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import asdict, replace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from posebeam.models.registry import load_estimator, row
from posebeam.pipelines.images.reader import ImageReader
from posebeam.transforms.errors import ConfigError
from posebeam.workflows.cli import run as posebeam
from posebeam.workflows.commands.train_pose import TrainPoseConfig
from posebeam.workflows.pose.recipes import pose_recipe
from posebeam.workflows.pose.training import train_pose

SMALL = {"widths": [16, 32, 32], "layers": 1}
PLAIN = TrainPoseConfig(backbone="btranspose-c2a1-4", input="32x32", epochs=4, batch_size=4, device="cpu")


def person(rng, number):
    points = np.column_stack((rng.uniform(10, 50, (17, 2)), rng.integers(0, 3, 17)))
    points[0, 2] = 2
    return {
        "id": number, "bbox": [5.0, 5.0, 50.0, 50.0], "keypoints": points.ravel().tolist(), "area": 1500.0,
        "num_keypoints": int((points[:, 2] > 0).sum()), "iscrowd": 0,
    }  # fmt: skip


@pytest.fixture(scope="module")
def out(make_images, tmp_path_factory):
    """Twelve pictures of noise that train, three that validate, one person each."""
    rng = np.random.default_rng(0)
    pictures = [
        {
            "picture": rng.integers(0, 256, (60, 64, 3), np.uint8),
            "people": [person(rng, number + 1)],
            "split": "train" if number < 12 else "validation",
        }
        for number in range(15)
    ]
    return make_images(tmp_path_factory.mktemp("data") / "out", pictures)


@pytest.fixture(scope="module")
def whole(out, tmp_path_factory):
    """A run that nothing disturbed."""
    folder = tmp_path_factory.mktemp("runs") / "whole"
    train_pose(out, folder, PLAIN, numbers=SMALL)
    return folder


def curve(run):
    """train_loss by epoch, of all starts; a later start's stands."""
    found = {}
    for log in sorted((run / "logs").glob("version_*/metrics.csv")):
        with log.open() as file:
            lines = [line for line in csv.DictReader(file) if line.get("train_loss")]
            found |= {int(line["epoch"]): line["train_loss"] for line in lines}
    return found


def equal(one, other):
    held, there = (load_file(run / "model.safetensors") for run in (one, other))
    return held.keys() == there.keys() and all(torch.equal(held[name], there[name]) for name in held)


def test_the_run_folder_says_everything(out, whole):
    record, reader = json.loads((whole / "run.json").read_text()), ImageReader(out)
    assert (record["state"], record["task"], record["backbone"]) == ("finished", "pose", "btranspose-c2a1-4")
    assert record["data"] == json.loads(json.dumps(reader.config))
    assert record["manifest_sha256"] == reader.digest
    assert record["images"] == {"train": 12, "validation": 3}
    assert (record["samples"], record["seed"], record["epochs"]) == (12, 0, 4)
    assert record["recipe"]["name"] == "btranspose"
    assert record["recipe"]["augmentation"]["rotation"] == 45
    assert record["boxes"] == "gt"
    assert 1 <= record["epoch"] <= 4
    assert record["validation"]["people"] == 3
    assert -1 <= record["validation"]["AP"] <= 1
    assert {"last.ckpt", "best.ckpt"} <= {path.name for path in (whole / "checkpoints").iterdir()}
    assert list((whole / "logs/version_0").glob("events.out.tfevents.*"))
    assert list(curve(whole)) == [0, 1, 2, 3]


def test_the_run_folder_is_a_backbone(whole):
    facts = row(str(whole))
    assert (facts.name, facts.input, facts.arguments["widths"]) == ("whole", (32, 32), [16, 32, 32])
    assert facts.parameters == json.loads((whole / "run.json").read_text())["parameters"]
    estimator = load_estimator(str(whole), device="cpu")
    (people,) = estimator.in_boxes([np.zeros((60, 64, 3), np.uint8)], [np.array([[5.0, 5, 50, 50]])])
    assert people.xy.shape == (1, 17, 2)


def test_a_network_that_no_run_folder_may_name_is_refused_before_anything_is_written(out, tmp_path):
    with pytest.raises(ConfigError, match=r"argument widths .* numbers up to 4096"):
        train_pose(out, tmp_path / "run", PLAIN, numbers=SMALL | {"widths": [16, 16, 8192]})
    assert not (tmp_path / "run").exists()


def test_training_lowers_the_loss(out, tmp_path):
    recipe = replace(pose_recipe("btranspose", row("btranspose-c2a1-4")), rate=1e-3)
    train_pose(out, tmp_path / "run", replace(PLAIN, epochs=10, val_part=0.0), numbers=SMALL, recipe=recipe)
    losses = [float(loss) for loss in curve(tmp_path / "run").values()]
    assert losses[-1] < 0.8 * losses[0]


KILLED = """
import sys
from pathlib import Path
import torch
from posebeam.workflows.commands.train_pose import TrainPoseConfig
from posebeam.workflows.pose.training import train_pose
torch.set_num_threads({threads})
config = TrainPoseConfig(**{config})
train_pose(Path(sys.argv[1]), Path(sys.argv[2]), config, numbers={numbers})
"""


def test_killed_in_mid_training_and_gone_on_with_the_curve_is_the_same(out, whole, tmp_path):
    run = tmp_path / "cut"
    program = KILLED.format(config=asdict(PLAIN), numbers=SMALL, threads=torch.get_num_threads())
    process = subprocess.Popen([sys.executable, "-c", program, str(out), str(run)], stderr=subprocess.DEVNULL)
    try:
        while process.poll() is None and len(curve(run)) < 2:
            time.sleep(0.01)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert json.loads((run / "run.json").read_text())["state"] == "training"
    with pytest.raises(ConfigError, match="its training is unfinished; go on with the same command and --resume"):
        row(str(run))
    with pytest.raises(ConfigError, match=r"\(training\): --resume goes on with it"):
        train_pose(out, run, PLAIN, numbers=SMALL)
    record = train_pose(out, run, PLAIN, resume=True, numbers=SMALL)
    assert record["state"] == "finished"
    assert len(list((run / "logs").iterdir())) == 2
    assert curve(run) == curve(whole)
    assert equal(run, whole)


def test_a_run_of_other_settings_is_not_gone_on_with(out, whole):
    with pytest.raises(ConfigError, match=r"begun with other settings:\n.*seed: 0 in the folder, 5 now"):
        train_pose(out, whole, replace(PLAIN, seed=5), resume=True, numbers=SMALL)
    assert train_pose(out, whole, PLAIN, resume=True, numbers=SMALL)["state"] == "finished"


def contents(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (["--init", "RUN"], "--overwrite would remove RUN, which this training starts from: take another folder"),
        (["--init", "RUN/checkpoints/best.ckpt"], "--overwrite would remove RUN/checkpoints/best.ckpt"),
        (["--backbone", "RUN"], "--overwrite would remove RUN"),
        (["--init", "nowhere.pth"], "nowhere.pth"),
        (["--recipe", "typo"], "typo"),
        (["--val-part", "2"], "val_part: got 2"),
        (["--seed", "-1"], "seed: got -1, expected 0 or more"),
        (["--workers", "-1"], "workers: got -1, expected 0 or more"),
        (["--resume"], "--resume goes on with the run in RUN, --overwrite replaces it: give one of them"),
    ],
)
def test_a_refused_command_leaves_the_run_that_it_would_overwrite(out, whole, tmp_path, capsys, flags, says):
    run = shutil.copytree(whole, tmp_path / "run")
    before = contents(run)
    plain = [
        "--overwrite",
        "--backbone",
        "btranspose-c2a1-4",
        "--input",
        "32x32",
        "--epochs",
        "1",
        "--device",
        "cpu",
    ]
    words = [word.replace("RUN", str(run)) for word in flags]
    assert posebeam(["train-pose", str(out), str(run), *plain, *words]) in (1, 2)
    said = " ".join(capsys.readouterr().err.split())
    assert (says if "--resume" in flags else says.replace("RUN", str(run))) in said
    assert contents(run) == before


@pytest.mark.parametrize("seed", [-1, 2**63])
def test_a_seed_that_is_none_is_refused_at_once(seed):
    with pytest.raises(ConfigError, match=rf"seed: got {seed}, expected 0 or more, below 2\*\*63"):
        replace(PLAIN, seed=seed)


def test_training_goes_on_from_a_run_folder(out, whole, tmp_path):
    config = replace(PLAIN, backbone=str(whole), init=str(whole), epochs=1, input="", precision="bf16-mixed")
    record = train_pose(out, tmp_path / "next", config)
    assert record["backbone"] == "btranspose-c2a1-4"
    assert record["start"]["made"] == record["start"]["unused"] == []
    assert row(str(tmp_path / "next")).arguments == row(str(whole)).arguments


@pytest.mark.parametrize(
    ("backbone", "size", "numbers"),
    [
        ("prtr-r50-384", "32x32", {"layers": 2, "queries": 20, "feedforward": 32}),
        (
            "prtr-sequential-r50",
            "64x64",
            {
                "layers": 2,
                "persons": 3,
                "joint_queries": 18,
                "feedforward": 32,
                "levels": [3],
                "x_res": 3,
                "y_res": 3,
            },
        ),
        ("transpose-r-a3", "32x32", {"layers": 1, "feedforward": 32}),
    ],
)
def test_every_kind_of_objective_runs_and_is_read_out(out, tmp_path, backbone, size, numbers):
    config = replace(PLAIN, backbone=backbone, input=size, epochs=1, batch_size=2)
    record = train_pose(out, tmp_path / "run", config, numbers=numbers)
    assert record["validation"]["people"] == 3
    assert record["trained"] < record["parameters"] or backbone == "transpose-r-a3"
    (people,) = (
        load_estimator(str(tmp_path / "run"), device="cpu").in_boxes(
            [np.zeros((60, 64, 3), np.uint8)], [np.array([[5.0, 5, 50, 50]])]
        )
        if row(backbone).view == "top-down"
        else load_estimator(str(tmp_path / "run"), device="cpu")([np.zeros((60, 64, 3), np.uint8)], [None])
    )
    assert people.finite


def test_the_command_trains_and_says_what_came_of_it(out, tmp_path, capsys):
    flags = [str(out), str(tmp_path / "run"), "--input", "32x32", "--epochs", "1", "--device", "cpu"]
    assert posebeam(["train-pose", *flags]) == 2
    assert "Missing option '--backbone'" in capsys.readouterr().err
    assert posebeam(["train-pose", *flags, "--backbone", "hrnet-w32", "--recipe", "transpose"]) == 2
    assert "recipe transpose does not fit backbone hrnet-w32" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()
    assert posebeam(["train-pose", *flags, "--backbone", "btranspose-c2a1-4"]) == 0
    said = capsys.readouterr().err
    assert "starts from made weights" in said
    assert "btranspose-c2a1-4 at 32x32" in said
    assert 'input = "32x32"' in (tmp_path / "run/train-pose.toml").read_text()
    assert posebeam(["train-pose", *flags, "--backbone", "btranspose-c2a1-4"]) == 2
    assert "--overwrite replaces it" in capsys.readouterr().err
    assert posebeam(["train-pose", *flags, "--backbone", "btranspose-c2a1-4", "--overwrite", "--seed", "3"]) == 0
    assert json.loads((tmp_path / "run/run.json").read_text())["seed"] == 3
