"""The error tree, drawn once.

PosebeamError            anything posebeam raises on purpose; the command line prints it without a traceback
├── ConfigError          a flag, a configuration file or a record's value is wrong            exit 2
├── SourceError          what SOURCE points to is not what was said of it
├── ClipError            one clip is unusable: becomes a row in rejected/, the run goes on
│   ├── DecodeError      stage "decode"
│   └── EstimateError    stage "estimate"
├── PlanError            OUT holds a build of another configuration
├── DataError            a data set or run folder is unfinished, damaged, or made for something else
├── WeightsError         a checkpoint is missing, has another hash, or other keys
├── StoreError           an object store does not answer, or answers what makes no sense
└── WorkerError          a worker process died or hangs
"""


class PosebeamError(Exception):
    """Anything posebeam raises on purpose: says what was got, what was expected, what to do."""


class ConfigError(PosebeamError):
    """A flag, a configuration file or a record's value is wrong."""


class SourceError(PosebeamError):
    """What SOURCE points to is not what was said of it."""


class ClipError(PosebeamError):
    """One clip is unusable. `stage` and `reason` become its row in rejected/."""

    stage = "clip"

    def __init__(self, reason: str):
        super().__init__(reason)
        self.reason = reason


class DecodeError(ClipError):
    """A clip gives no frames, stalls, or is no video."""

    stage = "decode"


class EstimateError(ClipError):
    """The pose network gave too many outputs that are not finite."""

    stage = "estimate"


class PlanError(PosebeamError):
    """OUT holds a build of another configuration."""


class DataError(PosebeamError):
    """A data set or run folder is unfinished, damaged, or made for something else."""


class WeightsError(PosebeamError):
    """A checkpoint is missing, has another hash, or other keys."""


class StoreError(PosebeamError):
    """An object store does not answer, or answers what makes no sense."""


class WorkerError(PosebeamError):
    """A worker process died or hangs."""
