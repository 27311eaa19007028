"""The command line: light to start, exact in its exit codes, errors that a newcomer can act on."""

import json
import subprocess
import sys

import pytest

from posebeam.workflows.cli import COMMANDS, run

HEAVY = {"torch", "apache_beam", "cv2", "lightning", "pyarrow"}


def loaded_by(*argv):
    code = f"""
import json, sys
from posebeam.workflows.cli import run
code = run({list(argv)!r})
print(json.dumps([code, sorted(sys.modules)]))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    code, modules = json.loads(done.stdout.splitlines()[-1])
    return code, HEAVY & set(modules), done.stdout


def test_help_loads_nothing_heavy_and_names_every_command():
    code, heavy, text = loaded_by("--help")
    assert code == 0
    assert not heavy
    assert all(name in text for name in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_a_command_loads_nothing_heavy(command):
    code, heavy, text = loaded_by(command, "--help")
    assert code == 0
    assert not heavy
    assert COMMANDS[command].split(":")[0] in " ".join(text.split())


def test_backbones_are_listed_without_torch():
    code, heavy, text = loaded_by("backbones", "--json")
    assert code == 0
    assert not heavy
    assert "movenet-lightning" in text


@pytest.mark.parametrize(
    ("argv", "code", "says"),
    [
        (["build", "ucf101"], 2, "Missing argument"),
        (["build", "nonsense", ".", "out"], 2, "'ucf101', 'videos'"),
        (["build", "videos", "does-not-exist", "out"], 2, "does not exist"),
        (["brew"], 2, "No such command"),
        (["backbones", "movenet-lightening"], 2, "movenet-lightning"),
        (["check", "{empty}"], 1, "no data set of posebeam"),
        (["build", "videos", "{empty}", "{empty}/out"], 1, "posebeam:"),
        (["build", "ucf101", "{empty}", "{empty}/out"], 1, "ucfTrainTestlist"),
    ],
)
def test_what_is_wrong_is_said(argv, code, says, tmp_path, capsys):
    argv = [word.replace("{empty}", str(tmp_path)) for word in argv]
    assert run(argv) == code
    assert says in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
