"""The engine that the flags name, and what is refused before anything is written."""

from concurrent import futures
from pathlib import Path

import grpc
import pytest
import torch
from apache_beam.options.pipeline_options import PortableOptions, StandardOptions
from apache_beam.portability.api import beam_job_api_pb2, beam_job_api_pb2_grpc

from posebeam.pipelines.engines.engine import Engine
from posebeam.pipelines.engines.runner import (
    ENVIRONMENT_CACHE_MILLIS,
    check_workers,
    pipeline_options,
    take_hints,
    told,
)
from posebeam.transforms.errors import ConfigError

EXTERNAL = ("--environment_type=EXTERNAL", "--environment_config=127.0.0.1:50000")


class JobService(beam_job_api_pb2_grpc.JobServiceServicer):
    """Answers as Flink's does when it is asked for its flags."""

    def DescribePipelineOptions(self, request, context):  # noqa: N802
        option = beam_job_api_pb2.PipelineOptionDescriptor(name="parallelism")
        return beam_job_api_pb2.DescribePipelineOptionsResponse(options=[option])


@pytest.fixture
def endpoint():
    server = grpc.server(futures.ThreadPoolExecutor(1))
    beam_job_api_pb2_grpc.add_JobServiceServicer_to_server(JobService(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield f"127.0.0.1:{port}"
    server.stop(0)


@pytest.mark.parametrize("name", ["DaskRunner", "dask", "apache_beam.runners.dask.dask_runner.DaskRunner"])
def test_an_engine_that_loses_outputs_is_refused_by_any_of_its_names(name):
    with pytest.raises(ConfigError, match="loses outputs"):
        pipeline_options(1, [f"--runner={name}"])


@pytest.mark.parametrize(
    ("flags", "name", "here"),
    [
        ([], "local", True),
        (["--runner=DirectRunner"], "local", True),
        (["--runner=direct"], "local", True),
        (["--runner=PrismRunner"], "prism", True),
        (["--runner=PrismRunner", *EXTERNAL], "prism", False),
        (["--runner=FlinkRunner"], "flink", True),
        (["--runner=FlinkRunner", "--flink_master=cluster:8081"], "flink", False),
        (["--runner=SparkRunner"], "spark", True),
        (["--runner=SparkRunner", "--spark_master_url=spark://cluster:7077"], "spark", False),
        (["--runner=DataflowRunner"], "dataflow", False),
    ],
)
def test_where_the_workers_of_an_engine_are(flags, name, here):
    engine = Engine.of(pipeline_options(1, flags))
    assert (str(engine), engine.here) == (name, here)


def test_a_folder_that_other_machines_do_not_see_is_refused():
    away = pipeline_options(1, ["--runner=FlinkRunner", "--flink_master=cluster:8081"])
    with pytest.raises(ConfigError, match=r"FlinkRunner are on other machines.*--shared-disk"):
        check_workers(away, "cpu", Path("out"), shared_disk=False)
    check_workers(away, "cpu", Path("out"), shared_disk=True)
    check_workers(pipeline_options(1, []), "cpu", Path("out"), shared_disk=False)


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a CUDA device")
def test_a_device_is_asked_of_the_machine_that_computes():
    with pytest.raises(ConfigError, match="cuda"):
        check_workers(pipeline_options(1, []), "cuda", Path("out"), shared_disk=False)
    away = pipeline_options(1, ["--runner=SparkRunner", "--spark_master_url=spark://cluster:7077"])
    check_workers(away, "cuda", Path("out"), shared_disk=True)


def test_workers_outlive_a_stage_unless_told_otherwise():
    def cached(*flags):
        return int(pipeline_options(1, flags).view_as(PortableOptions).environment_cache_millis)

    assert cached("--runner=SparkRunner") == ENVIRONMENT_CACHE_MILLIS
    assert cached("--runner=SparkRunner", "--environment_cache_millis=0") == 0
    assert cached() == 0
    assert told(pipeline_options(1, ["--runner=FlinkRunner"]))["environment_cache_millis"] == "600000"


def test_flags_that_only_the_job_server_knows_are_taken(endpoint):
    to = ("--runner=PortableRunner", f"--job_endpoint={endpoint}", "--environment_type=LOOPBACK")
    pipeline_options(1, [*to, "--parallelism=2"])
    with pytest.raises(ConfigError, match="--paralelism=2"):
        pipeline_options(1, [*to, "--paralelism=2"])


def test_a_portable_engine_needs_a_job_server_that_answers(monkeypatch):
    monkeypatch.setattr("posebeam.pipelines.engines.job_server.known_flags.__defaults__", (0.2,))
    with pytest.raises(ConfigError, match="needs --job_endpoint"):
        pipeline_options(1, ["--runner=PortableRunner"])
    with pytest.raises(ConfigError, match=r"no job server answers at 127.0.0.1:9"):
        pipeline_options(1, ["--runner=PortableRunner", "--job_endpoint=127.0.0.1:9"])


def test_hints_are_taken_out_of_the_options():
    hint = "type:nvidia-l4;count:1;install-nvidia-driver"
    options = pipeline_options(1, [f"--resource_hint=accelerator={hint}", "--resource_hint=min_ram=16GB"])
    assert take_hints(options) == {"accelerator": hint, "min_ram": "16GB"}
    assert options.view_as(StandardOptions).resource_hints == []
    assert take_hints(options) == {}


@pytest.mark.parametrize("hint", ["accelerator", "gpu=1"])
def test_a_hint_that_beam_does_not_know_is_refused(hint):
    with pytest.raises(ConfigError, match=f"--resource_hint={hint.split('=')[0]}"):
        take_hints(pipeline_options(1, [f"--resource_hint={hint}"]))
