"""Shell completion: commands, flags, their values and the backbones' names, as --help tells to set it up."""

import os
import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("posebeam tra", {"train", "train-pose"}),
        ("posebeam build --backbone movenet-", {"movenet-lightning", "movenet-thunder", "movenet-multipose"}),
        ("posebeam build --chain act-", {"act-repaired", "act-window"}),
        ("posebeam windows --str", {"--stride"}),
    ],
)
def test_the_shell_is_offered_what_there_is(words, offered):
    place = {"COMP_WORDS": words, "COMP_CWORD": str(words.count(" ")), "_POSEBEAM_COMPLETE": "bash_complete"}
    command = [sys.executable, "-c", "from posebeam.workflows.cli import main; main()"]
    done = subprocess.run(command, env=os.environ | place, capture_output=True, text=True, check=True)
    assert {line.split(",")[1] for line in done.stdout.splitlines()} == offered
