"""Runner: the graph on the engine that the flags name, with the options it needs."""

import argparse
import logging
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

import apache_beam as beam
from apache_beam.options.pipeline_options import (
    DirectOptions,
    PipelineOptions,
    PortableOptions,
    StandardOptions,
)
from apache_beam.portability.api import beam_provision_api_pb2
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.runners.portability.fn_api_runner.fn_runner import ExtendedProvisionInfo
from apache_beam.transforms.environments import SubprocessSDKEnvironment
from apache_beam.transforms.resources import ResourceHint
from google.protobuf.struct_pb2 import Struct

from posebeam.models.device import choose_device
from posebeam.pipelines.engines.engine import Engine
from posebeam.pipelines.engines.job_server import known_flags
from posebeam.pipelines.listing import Listing
from posebeam.pipelines.stores.address import uri_of
from posebeam.pipelines.watchdog import watchdog
from posebeam.transforms.errors import ConfigError, PosebeamError, WorkerError

# Beam's default, 0, ends the workers of each stage with it: every stage would load the network again.
ENVIRONMENT_CACHE_MILLIS = 600_000


def pipeline_options(workers: int, beam_args: Sequence[str]) -> PipelineOptions:
    """Beam's options from what stands after --.

    ConfigError for flags that neither Beam nor the job server knows, for a job server that does not answer, and
    for engines that would lose data.
    """
    options = PipelineOptions(list(beam_args), direct_num_workers=workers, direct_running_mode="in_memory")
    engine = Engine.of(options)
    if engine.name == "dask":
        raise ConfigError(
            "DaskRunner loses outputs without a word: use the local runner, Spark, Flink or Dataflow"
        )
    if unknown := _unknown(beam_args, engine, options.view_as(PortableOptions)):
        raise ConfigError(f"after --, Beam does not know {' '.join(unknown)}")
    portable = options.view_as(PortableOptions)
    if engine.is_portable and not any(flag.startswith("--environment_cache_millis") for flag in beam_args):
        portable.environment_cache_millis = ENVIRONMENT_CACHE_MILLIS
    return options


def _unknown(beam_args: Sequence[str], engine: Engine, portable: PortableOptions) -> list[str]:
    """What of the flags nobody knows. A job server is asked; one that Beam starts later cannot be."""
    parser = argparse.ArgumentParser(allow_abbrev=False, add_help=False, conflict_handler="resolve")
    for options in PipelineOptions.__subclasses__():
        options._add_argparse_args(parser)
    unknown = parser.parse_known_args(list(beam_args))[1]
    if not engine.is_portable or portable.job_endpoint == "embed":
        return unknown
    if not portable.job_endpoint:
        if engine.name == "portable":
            raise ConfigError("PortableRunner needs --job_endpoint=HOST:PORT, the address of a job server")
        return []
    for name in known_flags(portable.job_endpoint):
        parser.add_argument(f"--{name}", nargs="?")
    return parser.parse_known_args(list(beam_args))[1]


def check_workers(options: PipelineOptions, device: str, out: Path, shared_disk: bool) -> None:
    """ConfigError if workers here have no such device, or if workers elsewhere would write to a folder of their
    own under OUT's name.
    """
    if Engine.of(options).here:
        choose_device(device)
    elif not shared_disk and not uri_of(out):
        runner = options.view_as(StandardOptions).runner
        raise ConfigError(
            f"the workers of {runner} are on other machines, and {out} is a folder of this one: say --shared-disk "
            "if every worker sees SOURCE and OUT under the same paths"
        )


def check_sources(options: PipelineOptions, listing: Listing, shared_disk: bool) -> None:
    """ConfigError if workers elsewhere would look for clips on a disk of this machine."""
    if Engine.of(options).here or shared_disk:
        return
    local = next((ref.uri for ref in listing.refs if "://" not in ref.uri), None)
    if local:
        runner = options.view_as(StandardOptions).runner
        raise ConfigError(
            f"the workers of {runner} are on other machines, and {local} lies on this one: bring SOURCE to where "
            "OUT is, or say --shared-disk if every worker sees it under the same path"
        )


def take_hints(options: PipelineOptions) -> dict[str, str]:
    """What --resource_hint says, by name, taken out of the options: from there it would go to all steps, and an
    engine that starts machines for a hint would start a GPU to list names.
    """
    standard = options.view_as(StandardOptions)
    hints = [hint.partition("=") for hint in standard.resource_hints]
    if bare := [name for name, _, value in hints if not value or not ResourceHint.is_registered(name)]:
        raise ConfigError(
            f"--resource_hint={bare[0]}: expected NAME=VALUE, for one accelerator=type:nvidia-l4;count:1"
        )
    standard.resource_hints = []
    return {name: value for name, _, value in hints}


def told(options: PipelineOptions) -> dict[str, str]:
    """What a dry run says of the engine: its name, and where its workers come from."""
    engine = Engine.of(options)
    facts = {"engine": str(engine), "workers on": "this machine" if engine.here else "other machines"}
    if not engine.is_portable:
        return facts
    portable = options.view_as(PortableOptions)
    return facts | {
        "job server": portable.job_endpoint or "started by Beam",
        "environment": portable.environment_type or ("LOOPBACK" if engine.here else "DOCKER"),
        "environment_cache_millis": str(portable.environment_cache_millis),
    }


# Beam's worker. Without a handler the first warning of its imports would send all that follow to the terminal.
_WORKER = (
    "import logging, runpy; logging.getLogger().addHandler(logging.NullHandler()); "
    "runpy.run_module('apache_beam.runners.worker.sdk_worker_main', run_name='__main__', alter_sys=True)"
)


def _local_runner(workers: int) -> FnApiRunner:
    """The local runner, with workers that log errors only: they do not see the pipeline's options.

    Several are processes that leave Ctrl-C to this one, which ends them. Beam's own command for them does not
    quote Python's path, and would have each complain of the interruption.
    """
    quiet = Struct()
    quiet.update({"default_sdk_harness_log_level": "ERROR"})
    provision = beam_provision_api_pb2.ProvisionInfo(retrieval_token="none", pipeline_options=quiet)  # noqa: S106
    command = f"trap '' INT; exec {shlex.quote(sys.executable)} -c {shlex.quote(_WORKER)}"
    apart = SubprocessSDKEnvironment.from_command_string(command) if workers > 1 else None
    return FnApiRunner(apart, provision_info=ExtendedProvisionInfo(provision))


def run_graph(graph: beam.PTransform, options: PipelineOptions) -> None:
    """Run to the end. PosebeamError as a worker raised it, OSError if it is of this process; else WorkerError."""
    local = Engine.of(options).is_local
    if local:
        logging.getLogger("apache_beam").setLevel(logging.CRITICAL)  # a dead worker is told by the watchdog
    workers = options.view_as(DirectOptions).direct_num_workers
    pipeline = beam.Pipeline(runner=_local_runner(workers) if local else None, options=options)
    _ = pipeline | graph
    with watchdog(apart=local and workers > 1):
        try:
            state = pipeline.run().wait_until_finish()
        except PosebeamError:
            raise
        except RuntimeError as error:
            first = error.__context__  # what a step raised: Beam gives it another name and the step's
            if isinstance(first, KeyboardInterrupt | OSError):
                raise first from None
            raise WorkerError(
                f"the run failed in a worker:\n{error}\nFinished shards are kept: the same command goes on."
            ) from error
    if str(state) not in ("DONE", "PipelineState.DONE"):
        raise WorkerError(f"the runner ended in state {state}")
