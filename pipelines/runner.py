"""Runner: which engine carries the graph, and with which options."""

import argparse
from collections.abc import Sequence

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions, StandardOptions
from apache_beam.runners.portability.fn_api_runner import FnApiRunner

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
        default_sdk_harness_log_level="ERROR",
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


def run_graph(graph: beam.PTransform, options: PipelineOptions) -> None:
    """Run to the end. An exception of a worker comes out as it was raised, or as WorkerError."""
    local = is_local(options)
    pipeline = beam.Pipeline(runner=FnApiRunner() if local else None, options=options)
    _ = pipeline | graph
    with watchdog():
        try:
            state = pipeline.run().wait_until_finish()
        except PosebeamError:
            raise
        except RuntimeError as error:
            raise WorkerError(f"the run failed in a worker:\n{error}") from error
    if str(state) not in ("DONE", "PipelineState.DONE"):
        raise WorkerError(f"the runner ended in state {state}")
