"""Scratch folders: private, and swept once their process is gone."""

import os
import signal
import subprocess
import sys

from posebeam.pipelines.stores.address import mirrors
from posebeam.pipelines.stores.scratch import scratch

HOLDER = """
import sys, time
from posebeam.pipelines.stores.scratch import scratch
with scratch() as folder:
    (folder / "part").write_text("unfinished")
    print(folder, flush=True)
    time.sleep(60)
"""


def folders():
    return {path for path in (mirrors() / "_scratch").iterdir() if path.is_dir()}


def test_what_a_living_process_holds_stays_and_what_a_killed_one_left_goes(store):
    process = subprocess.Popen([sys.executable, "-c", HOLDER], stdout=subprocess.PIPE, text=True)
    try:
        theirs = process.stdout.readline().strip()
        with scratch() as mine:
            assert {str(path) for path in folders()} == {theirs, str(mine)}
        assert {str(path) for path in folders()} == {theirs}
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        with scratch() as mine:
            assert folders() == {mine}
    finally:
        process.kill()
        process.wait()
    assert folders() == set()


def test_a_folder_without_a_lock_is_rubbish_too(store):
    (mirrors() / "_scratch/old").mkdir(parents=True)
    with scratch() as mine:
        assert folders() == {mine}
