"""Engine: which of Beam's runners carries the graph, and where its workers are."""

import re
from dataclasses import dataclass

from apache_beam.options.pipeline_options import (
    FlinkRunnerOptions,
    PipelineOptions,
    PortableOptions,
    SparkRunnerOptions,
    StandardOptions,
)

# DirectRunner tries several engines in silence, a different one on each machine: we always take our own.
_LOCAL = ("", "direct", "fnapi", "local")
_PORTABLE = ("portable", "spark", "flink", "prism")


@dataclass(frozen=True)
class Engine:
    """A runner by its short name (spark for SparkRunner), and whether its workers are processes of this machine.

    Beam takes a runner's name in any case, with or without "Runner", with or without its module.
    """

    name: str
    here: bool

    @classmethod
    def of(cls, options: PipelineOptions) -> "Engine":
        """The engine that the options name."""
        given = options.view_as(StandardOptions).runner or ""
        name = given.rpartition(".")[2].lower().removesuffix("runner")
        return cls(name, name in _LOCAL or (name in _PORTABLE and _is_loopback(name, options)))

    @property
    def is_local(self) -> bool:
        """Whether it is the local runner, and no server is asked."""
        return self.name in _LOCAL

    @property
    def is_portable(self) -> bool:
        """Whether it speaks Beam's job API, with workers in environments."""
        return self.name in _PORTABLE

    def __str__(self) -> str:
        return "local" if self.is_local else self.name


def _is_loopback(name: str, options: PipelineOptions) -> bool:
    """Whether the workers are threads of the process that sends the job: so said, or Beam's default."""
    environment = options.view_as(PortableOptions).environment_type
    if environment:
        return bool(environment == "LOOPBACK")
    if name == "flink":
        return options.view_as(FlinkRunnerOptions).flink_master in ("[auto]", "[local]")
    if name == "spark":
        return re.match(r"local(\[.+\])?$", options.view_as(SparkRunnerOptions).spark_master_url) is not None
    return name == "prism"
