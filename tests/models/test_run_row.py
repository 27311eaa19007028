"""A trained backbone's row in its run folder: written, read again, and refused where it is hostile."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from posebeam.models import registry
from posebeam.models.run_row import FILE, WEIGHTS, read_run_row, run_name, write_run_row
from posebeam.models.weights import sha256_of
from posebeam.transforms.errors import ConfigError, WeightsError

SMALL = {"layers": 1, "image": [128, 96], "feedforward": 64}


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Path:
    """A run folder of a smaller TransPose-R with made weights."""
    folder = tmp_path_factory.mktemp("runs") / "small-transpose"
    row = registry.row("transpose-r-a3")
    write_run_row(replace(row, input=(128, 96), arguments=SMALL, min_score=0.1), folder)
    network = registry.build_network("transpose-r-a3", **SMALL)
    save_file({name: value.contiguous() for name, value in network.state_dict().items()}, folder / WEIGHTS)
    return folder


@pytest.mark.parametrize("name", [each.name for each in registry.rows()])
def test_every_row_of_the_table_is_read_as_it_was_written(name, tmp_path):
    row = registry.row(name)
    write_run_row(row, tmp_path / "mine")
    got = read_run_row(tmp_path / "mine")
    assert got.name == "mine"
    assert replace(got, name=name, weights=row.weights, published=row.published) == row


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        ("run-3_b", "run-3_b"),
        ("my run (2)", "my-run-2-"),
        ("..hidden", "hidden"),
        ("ä", "run"),
        ("hrnet-w32", "trained-hrnet-w32"),
        ("imported-mine", "trained-imported-mine"),
        ("x" * 200, "x" * 80),
    ],
)
def test_the_name_is_the_folders_as_far_as_a_file_may_be_called_so(folder, name, tmp_path):
    assert run_name(tmp_path / folder) == name
    write_run_row(registry.row("hrnet-w32"), tmp_path / folder)
    assert read_run_row(tmp_path / folder).name == name


def test_a_run_that_is_moved_keeps_its_name_and_its_own_weights(run, tmp_path):
    moved = tmp_path / "elsewhere"
    moved.mkdir()
    for name in (FILE, WEIGHTS):
        (moved / name).write_bytes((run / name).read_bytes())
    assert read_run_row(moved).name == "small-transpose"
    assert registry.published_file(str(moved)) == moved / WEIGHTS


def test_the_file_says_nothing_of_where_it_lies(run):
    assert str(run.parent) not in (run / FILE).read_text()


def test_the_registry_opens_its_doors_to_a_run(run):
    name = str(run)
    assert registry.row(name).input == (128, 96)
    assert registry.weights_sha256(name) == sha256_of(run / WEIGHTS)
    assert registry.row_sha256(name) == sha256_of(run / FILE)
    assert registry.row_sha256("hrnet-w32") == ""
    assert registry.run_folders(name, "", "hrnet-w32") == {"small-transpose": str(run.resolve())}
    network = registry.load_network(name)
    assert network(torch.zeros(1, 3, 128, 96)).shape == (1, 17, 32, 24)
    estimator = registry.load_estimator(name, device="cpu", batch_size=2)
    assert (estimator.name, estimator.min_score, estimator.several) == ("small-transpose", 0.1, True)


def test_a_row_of_the_table_comes_before_a_folder_of_its_name(tmp_path, monkeypatch):
    write_run_row(registry.row("transpose-r-a3"), tmp_path / "hrnet-w32")
    monkeypatch.chdir(tmp_path)
    assert registry.row("hrnet-w32").network == "networks.hrnet:HRNet"
    assert registry.row("./hrnet-w32").network == "networks.transpose:TransPoseR"


def test_a_run_that_finds_joints_is_no_detector(run):
    for refused in (lambda: registry.load_detector(str(run)), lambda: registry.boxes_from("hrnet-w32", str(run))):
        with pytest.raises(ConfigError, match=r"a run of train-pose, .*no detector"):
            refused()


def test_facts_of_a_run_are_read_without_torch(run):
    program = f"""
import sys
from posebeam.models import registry
registry.row({str(run)!r})
assert "torch" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", program], check=True)


@pytest.mark.parametrize(
    ("files", "complaint"),
    [
        ({}, "no run folder; posebeam train-pose"),
        ({"manifest.json": {}}, "it is a data set"),
        ({"run.json": {"state": "training"}}, "unfinished; go on with .*--resume"),
        ({"run.json": {"state": "finished", "model": "act-micro"}}, "another command than train-pose"),
        ({"run.json": [3]}, "run.json is damaged"),
    ],
)
def test_a_folder_without_a_row_is_named_for_what_it_is(files, complaint, tmp_path):
    for name, content in files.items():
        (tmp_path / name).write_text(json.dumps(content))
    with pytest.raises(ConfigError, match=rf"holds no {FILE}.*{complaint}"):
        registry.row(str(tmp_path))


def test_an_unfinished_run_is_no_backbone_yet(tmp_path):
    write_run_row(registry.row("hrnet-w32"), tmp_path)
    with pytest.raises(WeightsError, match=f"{WEIGHTS}: no such file"):
        registry.load_network(str(tmp_path))
    (tmp_path / "run.json").write_text('{"state": "training"}')
    with pytest.raises(ConfigError, match="no backbone yet: its training is unfinished"):
        registry.row(str(tmp_path))


def test_a_path_where_nothing_is():
    with pytest.raises(ConfigError, match="there is no such folder"):
        registry.row("runs/none")
    with pytest.raises(ConfigError, match="no backbone ''"):
        registry.row("")


HOSTILE = {
    "a network of elsewhere": ("networks.transpose:TransPoseR", "os:system"),
    "a path out of the package": ("networks.transpose:TransPoseR", "..evil:TransPoseR"),
    "a class of ours that is no row's": ("networks.transpose:TransPoseR", "networks.encoder:Encoder"),
    "another network's estimator": ("top_down:TopDownView", "movenet:MoveNetView"),
    "an estimator that is a function": ("top_down:TopDownView", "checkpoint:read"),
    "a decoder of elsewhere": ("decoders.heatmaps:dark", "subprocess:run"),
    "another way of decoding": ('"decoders.heatmaps:dark"', '{ evil = "decoders.heatmaps:dark" }'),
    "no decoder": ('"decoders.heatmaps:dark"', "{}"),
    "a detector of elsewhere": ('detector = "movenet-multipose"', 'detector = "/tmp"'),
    "another skeleton": ('"coco17"', '"openpose19"'),
    "another view": ('view = "top-down"', 'view = "whole-frame"'),
    "a framing that is none": ('framing = "middles"', 'framing = "os"'),
    "an argument that no network takes": ('"layers" =', '"state_dict" ='),
    "an argument without end": ('"layers" = 1', '"layers" = 1000000000'),
    "an argument that is infinite": ('"layers" = 1', '"layers" = inf'),
    "an argument that is a path": ('"layers" = 1', '"layers" = "/etc/passwd"'),
    "an argument that is a table": ('"layers" = 1', '"layers" = { a = 1 }'),
    "many numbers": ('"image" = [128, 96]', f'"image" = {[1] * 99}'),
    "no arguments": ("arguments = {", "arguments = 5 # {"),
    "a picture without end": ("input = [128, 96]", "input = [128, 1000000]"),
    "half pixels": ("input = [128, 96]", "input = [128.5, 96]"),
    "words for numbers": ("macs = ", 'macs = "many" # '),
    "nothing at a time": ("chunk = 2", "chunk = 0"),
    "half parameters": ("parameters = ", "parameters = 0.5 # "),
    "a paper that paints the terminal": ('paper = "', 'paper = "\\u001b[31m'),
    "weights of its own": ('colour = "rgb"', 'colour = "rgb"\nweights = { file = "/etc/passwd" }'),
    "figures of its own": ('colour = "rgb"', 'colour = "rgb"\npublished = []'),
    "a column of its own": ('colour = "rgb"', 'colour = "rgb"\nrun = "rm"'),
    "a name that climbs": ('["small-transpose"]', '["../../small"]'),
    "a name of several lines": ('["small-transpose"]', '["a\\nb"]'),
    "a name of the table": ('["small-transpose"]', '["hrnet-w32"]'),
    "a name for imported poses": ('["small-transpose"]', '["imported-x"]'),
    "two tables": ("# A trained", "[another]\n# A trained"),
    "a value and no table": ('["small-transpose"]', "x ="),
    "no TOML": ('["small-transpose"]', "\x00"),
    "an endless file": ("# A trained", "#" * 100_000 + "\n# A trained"),
    "nested without end": ('"layers" = 1', f'"layers" = {"[" * 20_000}'),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_a_hostile_row_is_refused(what, run, tmp_path):
    told, instead = HOSTILE[what]
    text = (run / FILE).read_text()
    assert text.count(told) == 1, told
    (tmp_path / FILE).write_text(text.replace(told, instead))
    with pytest.raises(ConfigError):
        registry.row(str(tmp_path))


def test_bytes_that_are_no_text_are_refused(tmp_path):
    (tmp_path / FILE).write_bytes(b"\xff\xfe\x00[")
    with pytest.raises(ConfigError, match="is damaged"):
        registry.row(str(tmp_path))


def test_arguments_that_do_not_fit_the_network_are_an_error_of_the_row(run, tmp_path):
    (tmp_path / FILE).write_text((run / FILE).read_text().replace('"layers" = 1', '"trunk" = 1'))
    with pytest.raises(ConfigError, match=r"argument of networks\.transpose:TransPoseR 'trunk'"):
        registry.row(str(tmp_path))
    (tmp_path / FILE).write_text((run / FILE).read_text().replace('"layers" = 1', '"queries" = 1'))
    with pytest.raises(ConfigError, match=r"arguments .* do not make a networks\.transpose:TransPoseR"):
        registry.build_network(str(tmp_path))


def test_a_checkpoint_by_that_name_is_not_unpickled(run, tmp_path):
    (tmp_path / FILE).write_bytes((run / FILE).read_bytes())
    torch.save({"x": torch.zeros(1)}, tmp_path / WEIGHTS)
    with pytest.raises(WeightsError, match="damaged or no checkpoint"):
        registry.load_network(str(tmp_path))


def test_what_could_not_be_read_again_is_not_written(tmp_path):
    row = registry.row("hrnet-w32")
    with pytest.raises(ConfigError, match=r"network 'networks\.act:AcT'"):
        write_run_row(replace(row, network="networks.act:AcT"), tmp_path)
    with pytest.raises(ConfigError, match="expected text, numbers"):
        write_run_row(replace(row, arguments={"width": object()}), tmp_path)
    assert not list(tmp_path.iterdir())
