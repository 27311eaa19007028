"""posebeam pretrain: images to a trunk that the whole network starts from; the published updates; resumable."""

import csv
import json
import math
import shutil
import signal
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from posebeam.models.distillation import clip_each, follow, freeze, parameter_groups
from posebeam.models.losses.dino import DinoLoss
from posebeam.models.networks.btranspose import BTranspose
from posebeam.models.pixels import normalised
from posebeam.models.registry import row, rows
from posebeam.models.run_row import write_run_row
from posebeam.models.schedules import dino_decay, dino_momentum, dino_rate
from posebeam.pipelines.images.reader import ImageReader
from posebeam.transforms.errors import ConfigError, DataError
from posebeam.workflows.cli import run as posebeam
from posebeam.workflows.commands import pretrain as pretrain_command
from posebeam.workflows.commands.pretrain import PretrainConfig
from posebeam.workflows.dino.crops import Crops
from posebeam.workflows.dino.data import CropSet, crop_loader
from posebeam.workflows.dino.module import DinoModule, learner
from posebeam.workflows.dino.recipes import RECIPES, Cuts
from posebeam.workflows.dino.training import pretrain
from posebeam.workflows.pose.data import SampleOrder
from posebeam.workflows.pose.start import load_start
from posebeam.workflows.run_folder import write_record
from posebeam.workflows.trainer import Loop, fit

NAMES = [each.name for each in rows() if each.network == "networks.btranspose:BTranspose"]
SMALL = replace(
    row("btranspose-c2a1-4"), input=(32, 32), arguments={"widths": [8, 8, 16], "layers": 1, "heads": 2}
)
TINY = {"input": "32x32", "outputs": 64, "batch_size": 4, "device": "cpu"}


@pytest.fixture(autouse=True)
def one_thread():
    """Bits depend on the number of threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def out(make_images, tmp_path_factory):
    """Twelve pictures of stripes in many directions, widths and colours."""
    rng, grid = np.random.default_rng(0), np.mgrid[:48, :64] / 8
    pictures = []
    for _ in range(12):
        turn, width, phase = rng.uniform(0, np.pi), rng.uniform(0.5, 3), rng.uniform(0, 6, 3)
        wave = np.sin(width * (grid[0] * np.sin(turn) + grid[1] * np.cos(turn))[..., None] + phase)
        pictures.append({"picture": (127 * (1 + wave)).astype(np.uint8)})
    return make_images(tmp_path_factory.mktemp("data") / "out", pictures)


@pytest.fixture(scope="module")
def pair(make_images, tmp_path_factory):
    """Two pictures of noise."""
    noise = np.random.default_rng(1).integers(0, 256, (2, 40, 40, 3), np.uint8)
    return make_images(tmp_path_factory.mktemp("pair") / "out", [{"picture": picture} for picture in noise])


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A backbone of the family that is quickly trained, as a run folder has it."""
    folder = tmp_path_factory.mktemp("rows") / "small"
    write_run_row(SMALL, folder)
    return str(folder)


@pytest.fixture(scope="module")
def run(out, small, tmp_path_factory):
    """A run that was pre-trained by the command."""
    folder = tmp_path_factory.mktemp("runs") / "run"
    flags = [f"--{key.replace('_', '-')}={value}" for key, value in TINY.items()]
    assert posebeam(["pretrain", str(out), str(folder), "--backbone", small, "--epochs=3", *flags]) == 0
    return folder


def curve(folder):
    """The loss of each epoch, over all starts; of an epoch that was begun twice the last."""
    losses = {}
    for log in sorted(folder.glob("logs/version_*/metrics.csv")):
        for line in csv.DictReader(log.read_text().splitlines()):
            losses[int(line["epoch"])] = float(line["loss"])
    return losses


def equal(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def test_the_run_folder_says_everything(out, run):
    record = json.loads((run / "run.json").read_text())
    assert (record["state"], record["task"], record["backbone"]) == ("finished", "pretrain", "small")
    assert (record["input"], record["colour"], record["images"], record["epochs"]) == ([32, 32], "rgb", 12, 3)
    assert record["manifest_sha256"] == ImageReader(out).digest
    assert record["recipe"]["name"] == "default"
    assert (record["recipe"]["outputs"], record["recipe"]["batch"], record["recipe"]["epochs"]) == (64, 4, 3)
    assert record["figures"]["loss"] > 0
    assert "batch_size = 4" in (run / "pretrain.toml").read_text()
    assert (run / "checkpoints/last.ckpt").is_file()
    assert list((run / "logs/version_0").glob("events.out.tfevents.*"))


def test_what_shows_a_collapse_is_logged_each_epoch(run):
    rows = list(csv.DictReader((run / "logs/version_0/metrics.csv").read_text().splitlines()))
    assert [int(line["epoch"]) for line in rows] == [0, 1, 2]
    for line in rows:
        assert float(line["uniformity"]) == pytest.approx(float(line["loss"]) / math.log(64), rel=1e-5)
        assert 0 < float(line["teacher_entropy"]) <= math.log(64)
        assert 0 <= float(line["teacher_spread"]) <= math.log(8)
    assert float(rows[-1]["momentum"]) > float(rows[0]["momentum"]) >= 0.996
    assert float(rows[-1]["decay"]) > float(rows[0]["decay"]) >= 0.04


def test_the_teachers_trunk_loads_into_the_whole_network(run):
    saved = load_file(run / "model.safetensors")
    network = BTranspose(**SMALL.arguments, image=SMALL.input)
    start = load_start(network, str(run))  # as train-pose --init does
    assert (start.taken, start.unused) == (len(saved), ())
    assert {name.split(".")[0] for name in start.made} == {"deconv_layers", "final_layer"}
    assert equal(saved, {name: network.state_dict()[name] for name in saved})
    held = torch.load(run / "checkpoints/last.ckpt", weights_only=True)["state_dict"]
    trunk = "teacher.backbone.trunk."
    assert equal(
        saved, {name.replace(trunk, "model_alpha."): held[name] for name in held if name.startswith(trunk)}
    )


def test_the_checkpoint_holds_teacher_student_heads_centre_and_optimiser(run):
    held = torch.load(run / "checkpoints/last.ckpt", weights_only=True)
    for name in (
        "teacher.head.mlp.0.weight",
        "student.head.last_layer.weight_v",
        "student.backbone.trunk.conv1.weight",
    ):
        assert name in held["state_dict"]
    assert held["state_dict"]["loss.center"].abs().sum() > 0
    assert len(held["optimizer_states"][0]["state"]) > 50


@pytest.mark.parametrize("name", NAMES)
def test_every_row_makes_a_step(pair, tmp_path, name):
    record = pretrain(
        pair, tmp_path / "run", PretrainConfig(backbone=name, epochs=1, **(TINY | {"batch_size": 2}))
    )
    assert record["state"] == "finished"
    assert math.isfinite(record["figures"]["loss"])
    assert record["parameters"] < row(name).parameters


@pytest.mark.parametrize("local", [0, 2])
def test_updates_are_those_of_a_plain_loop(out, tmp_path, local):
    """What lightning's hooks make of it equals the loop that stands in the publication, to the last bit."""
    cuts = Cuts(local=local, local_size=0.5)
    recipe = replace(
        RECIPES["default"], cuts=cuts, outputs=64, hidden=32, bottleneck=16, batch=4, epochs=4, warmup=2,
        rate=0.05, momentum=0.9, longest=0.05,
    )  # fmt: skip
    samples = CropSet(ImageReader(out), Crops(cuts, SMALL.input), 3)
    order = SampleOrder(samples, 3)
    torch.manual_seed(1)
    module = DinoModule(SMALL, recipe, 3)
    student, teacher, loss = learner(SMALL, recipe), learner(SMALL, recipe), DinoLoss(64)
    student.load_state_dict(module.student.state_dict())
    teacher.load_state_dict(module.student.state_dict())
    teacher.requires_grad_(False)
    fit(module, tmp_path, Loop(recipe.epochs, device="cpu", devices=1), crop_loader(samples, 4, order))

    adamw = torch.optim.AdamW(parameter_groups(student))
    rate, decay, momentum = dino_rate(4, 12, 6, 0.05), dino_decay(12), dino_momentum(12, 0.9)
    step = 0
    for epoch in range(recipe.epochs):
        order.set_epoch(epoch)
        for batch in crop_loader(samples, 4, order):
            torch.manual_seed(int(np.random.SeedSequence((3, step, 0)).generate_state(1)[0]))
            for group in adamw.param_groups:
                group["lr"] = rate(step)
            adamw.param_groups[0]["weight_decay"] = decay(step)
            crops = [normalised(crop.float(), "rgb") for crop in batch]
            adamw.zero_grad()
            heard = teacher(crops[:2])
            loss(student(crops), heard, 0.04).backward()
            clip_each(student.parameters(), 0.05)
            if epoch == 0:
                freeze(student.head.last_layer)
            adamw.step()
            follow(teacher, student, momentum(step))
            step += 1
    assert equal(student.state_dict(), module.student.state_dict())
    assert equal(teacher.state_dict(), module.teacher.state_dict())
    assert torch.equal(loss.center, module.loss.center)


KILLED = """
import os, signal, torch
from pathlib import Path
from posebeam.workflows.dino import module as dino_module
from posebeam.workflows.commands.pretrain import PretrainConfig
from posebeam.workflows.dino.training import pretrain
torch.set_num_threads(1)
plain = dino_module.DinoModule.training_step
def step(self, batch, batch_idx):
    if self.global_step == 7:  # the second update of the third epoch
        os.kill(os.getpid(), signal.SIGKILL)
    return plain(self, batch, batch_idx)
dino_module.DinoModule.training_step = step
pretrain(Path({out!r}), Path({run!r}), {config!r})
"""


def test_a_run_that_was_killed_ends_as_an_undisturbed_one(out, small, tmp_path):
    """kill -9 in the middle of an epoch, while a process of its own cuts crops ahead."""
    config = PretrainConfig(backbone=small, epochs=4, **TINY)
    pretrain(out, tmp_path / "whole", config)
    config = replace(config, workers=1)
    code = KILLED.format(out=str(out), run=str(tmp_path / "cut"), config=config)
    killed = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
    assert json.loads((tmp_path / "cut/run.json").read_text())["state"] == "training"
    assert not (tmp_path / "cut/model.safetensors").exists()
    assert pretrain(out, tmp_path / "cut", config, resume=True)["state"] == "finished"
    whole, cut = (load_file(tmp_path / name / "model.safetensors") for name in ("whole", "cut"))
    assert equal(whole, cut)
    assert curve(tmp_path / "cut") == curve(tmp_path / "whole")
    assert curve(tmp_path / "cut").keys() == {0, 1, 2, 3}


def test_local_crops_of_a_size_of_their_own_in_mixed_precision(out, small, tmp_path, monkeypatch):
    monkeypatch.setitem(RECIPES, "multi-crop", replace(RECIPES["multi-crop"], hidden=32, bottleneck=16))
    config = PretrainConfig(backbone=small, recipe="multi-crop", epochs=1, **(TINY | {"input": "64x64"}))
    record = pretrain(out, tmp_path / "run", replace(config, precision="bf16-mixed"))
    assert record["recipe"]["cuts"]["local"] == 8
    assert math.isfinite(record["figures"]["loss"])
    assert {value.dtype for value in load_file(tmp_path / "run/model.safetensors").values()} == {
        torch.float32, torch.int64,
    }  # fmt: skip


def test_a_collapse_is_told_once_and_recorded(out, small, tmp_path, monkeypatch, capsys):
    """A trunk that sees nothing gives all crops the same answer."""
    from posebeam.models import pooled_trunk

    monkeypatch.setattr(
        pooled_trunk.PooledTrunk,
        "forward",
        lambda self, images: 0 * images.mean((2, 3))[:, :1].expand(-1, 256) + self.trunk.reduce.weight.sum(),
    )
    record = pretrain(out, tmp_path / "run", PretrainConfig(backbone=small, epochs=6, **TINY))
    assert record["collapsed"] in ("constant", "uniform")
    said = capsys.readouterr().err
    assert said.count("collapsed: ") <= 2
    assert "warning: epoch 4: collapsed: " in said


def test_a_loss_that_is_no_number_stops_it(out, small, tmp_path, monkeypatch):
    monkeypatch.setattr(DinoLoss, "forward", lambda self, student, teacher, temperature: student.sum() * math.nan)
    with pytest.raises(DataError, match="the loss of update 1 is nan"):
        pretrain(out, tmp_path / "run", PretrainConfig(backbone=small, epochs=1, **TINY))


def test_the_command_knows_all_recipes():
    assert tuple(RECIPES) == pretrain_command.RECIPES


def test_what_cannot_be_is_refused_before_anything_is_written(out, tmp_path, capsys):
    flags = ["pretrain", str(out), str(tmp_path / "run")]
    for more, says in (
        (["--backbone", "hrnet-w32", "--batch-size", "4"], "only backbones of the btranspose family are"),
        (["--batch-size", "13"], "12 training images, fewer than a batch of 13"),
        (["--input", "32"], "expected HEIGHTxWIDTH in pixels"),
        (["--input", "48x32", "--batch-size", "4"], "multiples of 32"),
    ):
        assert posebeam([*flags, *more]) == 2
        assert says in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def contents(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (["--batch-size", "13"], "fewer than a batch of 13"),
        (["--input", "48x32"], "multiples of 32"),
        (["--seed", "-1"], "seed: got -1, expected 0 or more"),
        (["--workers", "-1"], "workers: got -1, expected 0 or more"),
        (["--resume"], "--resume goes on with the run in RUN, --overwrite replaces it: give one of them"),
    ],
)
def test_a_refused_command_leaves_the_run_that_it_would_overwrite(out, run, small, tmp_path, capsys, flags, says):
    copy = shutil.copytree(run, tmp_path / "copy")
    before = contents(copy)
    plain = ["--overwrite", "--backbone", small, "--epochs", "1", "--batch-size", "4", "--device", "cpu"]
    assert posebeam(["pretrain", str(out), str(copy), *plain, *flags]) == 2
    assert says in " ".join(capsys.readouterr().err.split())
    assert contents(copy) == before


def test_a_run_is_not_overwritten_by_the_training_of_its_own_trunk(out, small, tmp_path):
    run = shutil.copytree(small, tmp_path / "run")
    write_record({"state": "finished"}, run)
    before = contents(run)
    with pytest.raises(ConfigError, match=r"--overwrite would remove .* take another folder"):
        pretrain(out, run, PretrainConfig(backbone=str(run), epochs=1, **TINY), overwrite=True)
    assert contents(run) == before


@pytest.mark.parametrize("seed", [-1, 2**63])
def test_a_seed_that_is_none_is_refused_at_once(seed):
    with pytest.raises(ConfigError, match=rf"seed: got {seed}, expected 0 or more, below 2\*\*63"):
        PretrainConfig(seed=seed)


def test_overwrite_replaces(out, run, small, tmp_path):
    copy = shutil.copytree(run, tmp_path / "copy")
    record = pretrain(out, copy, PretrainConfig(backbone=small, epochs=1, seed=3, **TINY), overwrite=True)
    assert (record["state"], record["seed"], record["epochs"]) == ("finished", 3, 1)
    assert list(curve(copy)) == [0]
    assert not (copy / "pretrain.toml").exists()


def test_it_is_no_action_model(out, run, capsys):
    assert posebeam(["evaluate", str(run), str(out)]) == 1
    assert "holds no action model" in capsys.readouterr().err


def test_an_existing_run_is_gone_on_with_only_if_asked_and_if_it_is_the_same(out, run, small, capsys):
    config = PretrainConfig(backbone=small, epochs=3, **TINY)
    with pytest.raises(ConfigError, match="--resume goes on with it"):
        pretrain(out, run, config)
    assert pretrain(out, run, config, resume=True)["state"] == "finished"
    with pytest.raises(ConfigError, match=r"begun with other settings:\n.*seed: 0 in the folder, 5 now"):
        pretrain(out, run, replace(config, seed=5), resume=True)
