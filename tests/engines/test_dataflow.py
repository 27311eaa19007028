"""Dataflow, as far as it goes without the cloud: the job that would be sent."""

import json
import subprocess
from pathlib import Path

import pytest

JOB = Path(__file__).parent / "dataflow_job.py"
DOCKERFILE = Path(__file__).parent.parent.parent / "Dockerfile"
FLAGS = (
    "--runner=DataflowRunner", "--project=some-project", "--region=us-central1", "--temp_location=gs://bucket/tmp",
    "--no_auth", "--dry_run=True", "--sdk_location=container", "--sdk_container_image=example.org/posebeam:1",
    "--machine_type=g2-standard-4", "--disk_size_gb=100", "--num_workers=2", "--max_num_workers=8",
)  # fmt: skip
L4 = "type:nvidia-l4;count:1;install-nvidia-driver"


@pytest.fixture(scope="module")
def job(part):
    """What would be sent for more flags."""
    packages = part("gcp", "gcp/lib/python*/site-packages/google/cloud/dataflow_v1beta3").parents[5]

    def make(*flags):
        command = [packages / "bin/python", JOB, *FLAGS, *flags]
        done = subprocess.run(command, capture_output=True, text=True, timeout=200)
        assert done.returncode == 0, done.stderr[-2000:]
        return json.loads(done.stdout)

    return make


def test_a_linter_finds_nothing_in_the_dockerfile(part):
    linter = part("hadolint", "hadolint/bin/hadolint")
    done = subprocess.run([linter, DOCKERFILE], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, "")
    worse = DOCKERFILE.read_text() + "RUN cd / && sudo true\n"
    assert subprocess.run([linter, "-"], input=worse, capture_output=True, text=True, timeout=60).returncode == 1


@pytest.mark.slow
def test_the_gpu_is_asked_for_the_dear_part_and_not_for_names(job):
    made = job(f"--resource_hint=accelerator={L4}", "--dataflow_service_options=enable_prime")
    hints = made["hints"]
    dear = {step for step, said in hints.items() if said == [L4]}
    assert dear == {f"BuildShards/FramesToFiles{step}" for step in ("", "/SkipFinished", "/Build")}
    assert all(not hints[step] for step in hints.keys() - dear)
    assert made["service_options"] == ["enable_prime"]


@pytest.mark.slow
def test_workers_are_as_the_flags_say(job):
    driver = f"worker_accelerator={L4}"
    made = job(f"--dataflow_service_options={driver}", "--experiments=no_use_multiple_sdk_containers")
    assert not any(made["hints"].values())
    assert made["service_options"] == [driver]
    assert "no_use_multiple_sdk_containers" in made["experiments"]  # one process, one network in the GPU
    assert (made["machine_type"], made["disk_size_gb"]) == ("g2-standard-4", 100)
    assert (made["num_workers"], made["max_num_workers"]) == (2, 8)
    assert made["images"] == ["example.org/posebeam:1"]
