"""posebeam build on engines whose workers are elsewhere: what is refused, and what a dry run shows."""

import json

import pytest

from posebeam.workflows.cli import run

FLINK = ("--", "--runner=FlinkRunner", "--flink_master=cluster:8081")


@pytest.fixture
def build(media, tmp_path, capfd):
    """Runs it on the shipped videos; its exit code, stdout, stderr."""

    def call(*flags):
        code = run(["build", "videos", str(media / "actions"), str(tmp_path / "out"), *flags])
        return code, *capfd.readouterr()

    return call


def test_a_folder_of_this_machine_is_refused_before_anything_is_written(build, tmp_path):
    code, _, said = build(*FLINK)
    assert (code, "--shared-disk" in said) == (2, True)
    assert not (tmp_path / "out").exists()


def test_a_dry_run_shows_the_engine_and_that_workers_outlive_a_stage(build):
    code, told, _ = build("--dry-run", "--json", "--shared-disk", *FLINK)
    facts = json.loads(told)
    assert (code, facts["engine"], facts["workers on"]) == (0, "flink", "other machines")
    assert facts["environment_cache_millis"] == "600000"


def test_gpus_may_be_where_the_workers_are(build):
    code, told, _ = build("--dry-run", "--json", "--shared-disk", "--device", "cuda", *FLINK)
    assert (code, json.loads(told)["clips"]) == (0, 10)


def test_an_engine_that_loses_data_is_refused(build, tmp_path):
    code, _, said = build("--", "--runner=DaskRunner")
    assert (code, "loses outputs" in said) == (2, True)
    assert not (tmp_path / "out").exists()
