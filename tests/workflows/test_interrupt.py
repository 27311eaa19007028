"""Ctrl-C in the middle: a sentence, exit code 1, no traceback, nobody left behind."""

import os
import re
import signal
import subprocess
import sys
import time

import pytest


@pytest.mark.parametrize("workers", [1, 2])
def test_a_build_that_is_interrupted_says_so_in_a_sentence(workers, media, tmp_path):
    out = tmp_path / "out"
    argv = ["build", "videos", str(media / "actions"), str(out), "--workers", str(workers), "--shards", "2"]
    code = f"from posebeam.workflows.cli import main; main({argv!r})"
    build = subprocess.Popen(
        [sys.executable, "-c", code], stderr=subprocess.PIPE, text=True, start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a script's `make test &` ignores it
    )  # fmt: skip
    while not (out / "plan.json").exists():
        assert build.poll() is None
        time.sleep(0.05)
    time.sleep(1)
    os.killpg(build.pid, signal.SIGINT)  # a terminal sends it to all
    _, said = build.communicate(timeout=60)
    assert build.returncode == 1
    assert re.search(r"posebeam: interrupted; .* kept, the same command goes on\s*$", said)
    assert "Traceback" not in said
    assert not (out / "manifest.json").exists()
    assert ends(build.pid)


def ends(group):
    """Whether nobody of the group is left, soon."""
    for _ in range(100):
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.1)
    return False
