"""Builds from bucket to bucket: the same bytes as on a disk, whatever is killed and wherever the workers are."""

import json
import os
import signal
import sys
import time

import pytest

_SECONDS = 280


@pytest.fixture
def start(store, start_build, tmp_path):
    """Starts a build from the store to the store."""

    def build(out, *flags):
        return start_build(
            store.uri(out), *store.beam_args, flags=flags, source=store.uri("clips"), python=store.python,
            POSEBEAM_CACHE=str(tmp_path / "cache"), **store.environment,
        )  # fmt: skip

    return build


@pytest.mark.slow
def test_from_bucket_to_bucket_the_bytes_are_those_of_a_disk(store, start, local, tmp_path):
    first = start("out").wait()
    assert store.promised("out") == local
    assert (first.figures["built"], first.figures["shards_skipped"]) == (10, 0)
    assert b"hush" not in store.get("out/run.json")
    again = start("out").wait()
    assert (again.figures["clips_decoded_now"], store.promised("out")) == (0, local)
    elsewhere = tmp_path / "another-machine"
    out, again = store.uri("out"), store.uri("again")
    found, _ = store.posebeam(elsewhere, ["check", out], ["windows", out, again])
    assert f"{out}: all is well" in found
    assert store.promised("again") == local


@pytest.mark.slow
def test_a_build_that_is_killed_goes_on_and_leaves_nothing(store, start, local, tmp_path):
    run = start("killed")
    deadline = time.monotonic() + _SECONDS
    while not store.names("killed/_shards/"):
        assert run.process.poll() is None, "the build ended before anything could be killed"
        assert time.monotonic() < deadline, "no shard was finished"
        time.sleep(0.02)
    os.kill(run.process.pid, signal.SIGKILL)
    run.process.communicate()
    early = store.promised("killed")
    assert early.items() <= local.items(), "what is there is whole"
    assert len(early) < len(local)
    assert "manifest.json" not in early
    start("killed").wait()
    assert store.promised("killed") == local
    cache = tmp_path / "cache/stores"
    assert [path for path in (cache / "_scratch").iterdir() if path.is_dir()] == []
    assert not [path for path in cache.rglob("*") if path.suffix in (".mp4", ".avi", ".webm", ".parquet")]


@pytest.mark.slow
def test_workers_elsewhere_reach_the_store_by_the_flags_of_the_build(
    s3, start_build, serve, free_port, local, tmp_path
):
    """A job server, and a pool of workers that share no disk and no environment with the build but the store."""
    jobs, pool = free_port(), free_port()
    theirs = {"POSEBEAM_CACHE": str(tmp_path / "theirs"), "AWS_EC2_METADATA_DISABLED": "true"}
    server = ("-m", "apache_beam.runners.portability.local_job_service_main", "--port", jobs)
    workers = ("-m", "posebeam.workflows.cli", "worker-pool", "--port", pool)
    with serve(jobs, sys.executable, *server), serve(pool, s3.python, *workers, **theirs):
        where = ("--runner=PortableRunner", f"--job_endpoint=127.0.0.1:{jobs}")
        environment = ("--environment_type=EXTERNAL", f"--environment_config=127.0.0.1:{pool}")
        start_build(
            s3.uri("far"), *where, *environment, *s3.beam_args, flags=(), source=s3.uri("clips"), python=s3.python,
            POSEBEAM_CACHE=str(tmp_path / "ours"),
        ).wait()  # fmt: skip
    assert s3.promised("far") == local
    assert (tmp_path / "theirs/stores/_scratch").is_dir(), "shards were built elsewhere"
    assert not list(tmp_path.rglob("*.parquet"))


@pytest.mark.slow
def test_a_model_is_trained_measured_and_shown_out_of_a_bucket(gs, start_build, tmp_path):
    cache, run, out = tmp_path / "cache", tmp_path / "run", gs.uri("learn")
    clip = "walking/garden_1.mp4"
    said = gs.posebeam(
        cache,
        ["build", "videos", gs.uri("clips"), out, "--fps", "10"],
        ["train", out, run, "--epochs", "1"],
        ["evaluate", run, out, "--json"],
        ["overlay", out, clip, tmp_path / "poses.mp4"],
        ["predict", run, gs.uri(f"clips/{clip}"), "--json"],
        ["report", out, run, "--no-speed"],
    )
    measured, seen = (
        json.loads(next(line for line in text.splitlines() if line[:1] == "{")) for text in said[2:5:2]
    )
    assert (measured["clips"], measured["out"]) == (2, out)
    assert (tmp_path / "poses.mp4").stat().st_size > 1000
    assert (seen["video"], seen["error"]) == (gs.uri(f"clips/{clip}"), None)
    assert seen["label"] in ("balancing", "walking")
    assert "walking" in said[-1]
