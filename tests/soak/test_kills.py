"""Check 3: kill -9 at random moments, then the same command again. No gap, no duplicate, the same bytes."""

import os
import random
import signal
import time

import pytest

from posebeam.pipelines.check import check

SLOW = 0.004  # seconds for a batch, so that there is time to be killed in


@pytest.fixture
def source(grey_clips, size, tmp_path):
    return grey_clips(tmp_path / "source", size("kills")["clips"])


def is_killed(process, out, finished, seconds, together):
    """Wait for so many finished shards and then so long; kill the driver, or it and its workers.

    False if it was done before.
    """
    assert process.stdout.readline(), process.stderr.read()
    while process.poll() is None and len(list(out.glob("_shards/*.json"))) < finished:
        time.sleep(0.001)
    time.sleep(seconds)
    if process.poll() is None:
        (os.killpg if together else os.kill)(process.pid, signal.SIGKILL)
    return process.wait() == -signal.SIGKILL


def test_a_build_killed_at_random_moments_goes_on_to_the_same_bytes(
    source, start, build, driver, promised, size, monkeypatch, tmp_path, figure
):
    """A receipt before its files, a plan that is not whole, a half-written file that counts: each shows here."""
    seed, wanted, finished = int.from_bytes(os.urandom(4)), size("kills"), []
    print(f"seed {seed}")  # shown if it fails
    dice, shards = random.Random(seed), wanted["shards"]
    monkeypatch.setattr(driver, "SECONDS", SLOW)
    seconds = build(source, tmp_path / "undisturbed", shards).run["seconds"]
    monkeypatch.setattr(driver, "SECONDS", 0.0)
    expected = promised(tmp_path / "undisturbed")
    task = {"source": str(source), "shards": shards, "seconds": SLOW}
    while len(finished) < wanted["kills"]:
        out, workers = tmp_path / str(dice.random()), 2 if len(finished) % 4 == 3 else 1
        process = start(task | {"out": str(out), "workers": workers})
        moment = dice.randrange(2 * shards), dice.uniform(0, seconds / shards)
        if not is_killed(process, out, *moment, together=dice.random() < 0.5):
            continue
        kept = {path: path.stat().st_mtime_ns for path in out.glob("_shards/*.json")}
        built = build(source, out, shards)
        assert built.skipped >= len(kept)
        assert {path: path.stat().st_mtime_ns for path in kept} == kept
        assert promised(out) == expected
        assert check(out) == []
        finished.append(len(kept))
    held = f"{min(finished)} to {max(finished)} of {2 * shards} shards finished"
    figure(
        "3 kill -9", f"{len(finished)} at random moments, with {held}: each ends in the same bytes",
        kills=len(finished), finished=finished,
    )  # fmt: skip
