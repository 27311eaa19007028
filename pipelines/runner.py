"""Runner: which engine carries the graph, and with which options."""

import argparse
import logging
from collections.abc import Sequence

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions, StandardOptions
from apache_beam.portability.api import beam_provision_api_pb2
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.runners.portability.fn_api_runner.fn_runner import ExtendedProvisionInfo
from google.protobuf.struct_pb2 import Struct

from posebeam.pipelines.watchdog import watchdog
from posebeam.transforms.errors import ConfigError, PosebeamError, WorkerError

# DirectRunner tries several engines in silence, a different one on each machine: we always take this one.
_LOCAL = ("", "DirectRunner", "FnApiRunner", "LocalRunner")


def pipeline_options(workers: int, beam_args: Sequence[str]) -> PipelineOptions:
    """Beam's options from what stands after --. ConfigError for flags that Beam does not know."""
    unknown = _unknown(beam_args)
    if unknown:
        raise ConfigError(f"after --, Beam does not know {' '.join(unknown)}")
    options = PipelineOptions(
        list(beam_args),
        direct_num_workers=workers,
        direct_running_mode="multi_processing" if workers > 1 else "in_memory",
    )
    runner = options.view_as(StandardOptions).runner or ""
    if runner == "DaskRunner":
        raise ConfigError(
            "DaskRunner loses outputs without a word: use the local runner, Spark, Flink or Dataflow"
        )
    return options


def _unknown(beam_args: Sequence[str]) -> list[str]:
    parser = argparse.ArgumentParser(allow_abbrev=False, add_help=False, conflict_handler="resolve")
    for options in PipelineOptions.__subclasses__():
        options._add_argparse_args(parser)
    return parser.parse_known_args(list(beam_args))[1]


def is_local(options: PipelineOptions) -> bool:
    """Whether the graph runs on this machine, in processes of ours."""
    return (options.view_as(StandardOptions).runner or "") in _LOCAL


def _local_runner() -> FnApiRunner:
    """The local runner, with workers that log errors only: they do not see the pipeline's options."""
    quiet = Struct()
    quiet.update({"default_sdk_harness_log_level": "ERROR"})
    provision = beam_provision_api_pb2.ProvisionInfo(retrieval_token="none", pipeline_options=quiet)  # noqa: S106
    return FnApiRunner(provision_info=ExtendedProvisionInfo(provision))


def run_graph(graph: beam.PTransform, options: PipelineOptions) -> None:
    """Run to the end. An exception of a worker comes out as it was raised, or as WorkerError."""
    local = is_local(options)
    if local:
        logging.getLogger("apache_beam").setLevel(logging.CRITICAL)  # a dead worker is told by the watchdog
    pipeline = beam.Pipeline(runner=_local_runner() if local else None, options=options)
    _ = pipeline | graph
    with watchdog():
        try:
            state = pipeline.run().wait_until_finish()
        except PosebeamError:
            raise
        except RuntimeError as error:
            raise WorkerError(
                f"the run failed in a worker:\n{error}\nFinished shards are kept: the same command goes on."
            ) from error
    if str(state) not in ("DONE", "PipelineState.DONE"):
        raise WorkerError(f"the runner ended in state {state}")
