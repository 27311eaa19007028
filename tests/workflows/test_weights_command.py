"""posebeam weights: fetched, verified, converted; and what it says when it cannot."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from posebeam.models import registry
from posebeam.models.weights import sha256_of
from posebeam.workflows.cli import run


@pytest.fixture
def checkpoint(tmp_path) -> Path:
    """A checkpoint of a small backbone, as training programs write them."""
    path = tmp_path / "mine.pth"
    torch.save({"state_dict": registry.build_network("openpose-thin").state_dict(), "epoch": 3}, path)
    return path


def test_embedded_weights_are_verified(capsys):
    assert run(["weights", "movenet-lightning", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["sha256"] == registry.weights_sha256("movenet-lightning") == sha256_of(Path(facts["file"]))


def test_a_checkpoint_is_converted(checkpoint, tmp_path, capsys):
    to = tmp_path / "new" / "mine.safetensors"
    assert run(["weights", "openpose-thin", "--file", str(checkpoint), "--to", str(to), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["written"] == str(to)
    state = registry.build_network("openpose-thin").state_dict()
    written = load_file(to)
    assert written.keys() == state.keys()
    assert all(torch.equal(written[key], state[key]) for key in state)
    assert [each.name for each in to.parent.iterdir()] == [to.name]


def test_another_networks_checkpoint_is_refused_and_nothing_written(checkpoint, tmp_path, capsys):
    to = tmp_path / "mine.safetensors"
    assert run(["weights", "movenet-lightning", "--file", str(checkpoint), "--to", str(to)]) == 1
    assert "left over" in capsys.readouterr().err
    assert not to.exists()


@pytest.mark.parametrize(
    ("flags", "complaint"),
    [(["--file", "nowhere.pth"], "does not exist"), (["--to", "mine.pth"], "does not end in .safetensors")],
)
def test_wrong_paths_are_usage_errors(flags, complaint, capsys):
    assert run(["weights", "movenet-lightning", *flags]) == 2
    assert complaint in capsys.readouterr().err
