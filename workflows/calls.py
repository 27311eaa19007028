"""Calls: the commands as functions of Python, with the same settings and the same figures in return."""

import warnings
from collections.abc import Sequence
from os import PathLike, fspath
from pathlib import Path
from typing import Any

from posebeam.pipelines.stores.address import located
from posebeam.transforms.errors import ConfigError
from posebeam.workflows.action.labels import facts
from posebeam.workflows.action.trained import Trained
from posebeam.workflows.action.watch import watch
from posebeam.workflows.argument import brought
from posebeam.workflows.build_settings import of_kind
from posebeam.workflows.build_work import build_data, clips_of
from posebeam.workflows.commands.build import KINDS, BuildConfig
from posebeam.workflows.commands.evaluate import PARTS
from posebeam.workflows.commands.predict import PredictConfig
from posebeam.workflows.commands.train import TrainConfig, trained_run
from posebeam.workflows.config import resolve_call

READ = ("windows", "clips", "features")  # what of a data set in an object store is brought here to be learnt
AnyPath = str | PathLike[str]


def build(
    kind: str, source: AnyPath, out: AnyPath, *, config: AnyPath | None = None, beam_args: Sequence[str] = (),
    **flags: Any,
) -> dict[str, Any]:  # fmt: skip
    """Videos or images to a data set, as posebeam build: flags are its own, with _ for -: min_score=0.3.

    kind is ucf101, videos, manifest, coco, coco-images or images. Returns the figures that --json prints; warns
    where more clips were rejected than max_rejects allows. ConfigError for flags that are none, SourceError if
    SOURCE is not what kind says, PlanError if OUT holds another build.
    """
    from posebeam.workflows.build_summary import excess, summary

    _require_one_of("kind", kind, KINDS)
    settings = of_kind(kind, resolve_call(BuildConfig, "build", _path(config), flags))
    listing = clips_of(kind, located(source), settings)
    built = build_data(listing, kind, located(out), settings, list(beam_args))
    if told := excess(built, settings.max_rejects):
        warnings.warn(told, stacklevel=2)
    return summary(built)


def check(out: AnyPath) -> list[str]:
    """What is wrong with a data set, in sentences; none if all is well. DataError if OUT is no finished one."""
    from posebeam.pipelines.check import check as findings

    return findings(brought(out))


def train(
    out: AnyPath, run: AnyPath, *, resume: bool = False, overwrite: bool = False, config: AnyPath | None = None,
    **flags: Any,
) -> dict[str, Any]:  # fmt: skip
    """A data set's windows to a trained model in the folder RUN, as posebeam train; returns its run.json.

    ConfigError for flags that are none, or if RUN holds a run; DataError if OUT is unfinished.
    """
    settings = resolve_call(TrainConfig, "train", _path(config), flags)
    return trained_run(brought(out, *READ), Path(run), settings, resume, overwrite)


def load_model(run: AnyPath, device: str = "auto") -> Trained:
    """A trained model: `classes`, `network`, and probabilities(x [n, 30, 52], valid [n, 30, 13]) [n, classes].

    DataError if the run is unfinished or damaged.
    """
    return Trained.load(Path(run), device)


def evaluate(run: AnyPath, out: AnyPath, *, part: str = "test", device: str = "auto") -> dict[str, Any]:
    """A trained model measured on a part of a data set, as posebeam evaluate; returns the figures, and writes
    them to RUN/evaluation, or warns where they cannot be kept there. DataError if the data are of another chain,
    layout or classes."""
    from posebeam.workflows.action.evaluation import evaluate as measure
    from posebeam.workflows.action.evaluation import write_evaluation

    _require_one_of("part", part, PARTS)
    trained = load_model(run, device)
    result, scores = measure(trained, trained.kind.read(brought(out, *READ)), part)
    try:
        write_evaluation(trained, result, scores)
    except OSError as error:
        warnings.warn(f"the figures were not kept in {trained.folder}: {error}", stacklevel=2)
    return result


def predict(
    run: AnyPath, videos: AnyPath | Sequence[AnyPath], *, config: AnyPath | None = None, **flags: Any
) -> list[dict[str, Any]]:
    """What happens in videos, as posebeam predict: for each what --json prints, with label, probability, windows.

    videos are files or globs. A video that cannot be read has its reason in "error". SourceError for a name that
    stands for no video; DataError if the run is unfinished, or does not fit the backbone.
    """
    settings = resolve_call(PredictConfig, "predict", _path(config), flags)
    named = [videos] if isinstance(videos, (str, PathLike)) else list(videos)
    trained = load_model(run, settings.device)
    backbone = trained.backbone(settings.backbone)
    seen = watch(trained, backbone, [fspath(video) for video in named], settings)
    return [facts(prediction, trained, backbone) for prediction in seen]


def _path(config: AnyPath | None) -> Path | None:
    return None if config is None else Path(config)


def _require_one_of(what: str, got: str, known: Sequence[str]) -> None:
    if got not in known:
        raise ConfigError(f"{what}: got {got!r}, expected one of {', '.join(known)}")
