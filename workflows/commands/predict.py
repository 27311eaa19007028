"""posebeam predict: what happens in videos, by a trained model."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from posebeam.pipelines.bounds import BOUNDS, Bounds
from posebeam.workflows.argument import Local, there
from posebeam.workflows.config import flags, option, resolve
from posebeam.workflows.help import OUTPUT, HelpPage

if TYPE_CHECKING:
    from posebeam.transforms.windows import WindowRule
    from posebeam.workflows.action.prediction import Prediction
    from posebeam.workflows.action.trained import Trained


@dataclass(frozen=True)
class PredictConfig:
    """The flags of posebeam predict."""

    backbone: str = option(
        "", "Another pose backbone than the one the model was trained on; a run folder of train-pose."
    )
    weights: str = option(
        "", "Checkpoint of your own for the backbone, or for the features of a hybrid classifier."
    )
    decode: str = option("", "Way to read another backbone's maps, where it has several.")
    detector: str = option("", "Who gives boxes to the backbone, in place of its own or the training's.")
    flip: bool = option(False, "Look at the mirrored picture too, as with models trained on such poses.")
    min_score: float = option(
        -1.0, "A joint scored lower is missing; -1: as in training, or the other backbone's own."
    )
    overlay: str = option("", "Write an mp4 with skeleton and label; with several videos a folder.")
    device: str = option("auto", "Where the networks run.", ("auto", "cpu", "cuda"))
    batch_size: int = option(32, "Frames a batch at most.")
    max_pixels: int = option(BOUNDS.pixels, "A video with larger pictures is not read: width x height at most.")
    max_seconds: float = option(BOUNDS.seconds, "A video that lasts longer is not read.")


SECTIONS = {
    OUTPUT: {
        "terminal": "label and probability, and the labels over time; with --json a line a video on stdout",
        "--overlay FILE": "an mp4 with skeleton and label; a folder of them for several videos",
    },
}
EXAMPLES = (
    ("posebeam predict out/model new.mp4", "what happens in it"),
    ("posebeam predict out/model 'clips/*.mp4' --json > labels.jsonl", "many videos, an object a line"),
    ("posebeam predict out/model new.mp4 --overlay seen.mp4", "a video to look at"),
    (
        "posebeam predict out/model new.mp4 --backbone movenet-thunder",
        "seen by another backbone than the training's",
    ),
)


@click.command(cls=HelpPage, sections=SECTIONS, examples=EXAMPLES)
@click.argument("run", type=Local(exists=True, file_okay=False, path_type=Path))
@click.argument("videos", nargs=-1, required=True, callback=there(folders=False))
@flags(PredictConfig)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a video, a line each.")
def command(run: Path, videos: tuple[str, ...], config: Path | None, as_json: bool, **given: Any) -> int:
    """Prints the label of each video with its probability, and the labels over time. VIDEOS are files, or quoted
    globs: 'clips/*.mp4'.

    Videos that cannot be read are named; exit code 1 if there was one.
    """
    from posebeam.workflows.action.trained import Trained

    settings = resolve(PredictConfig, config, given)
    trained = Trained.load(run, settings.device)
    backbone = trained.backbone(settings.backbone)
    _say_switch(trained, backbone, as_json)
    failed = False
    for prediction in watch(trained, backbone, videos, settings):
        failed |= prediction.error is not None
        _tell(prediction, trained, backbone, as_json)
    return int(failed)


def watch(
    trained: "Trained", backbone: str, videos: Sequence[str], settings: PredictConfig
) -> "Iterator[Prediction]":
    """What the model says of each video, as they end; overlays are written on the way where they are wanted."""
    from posebeam.models.registry import load_estimator
    from posebeam.pipelines.sources.videos import expand
    from posebeam.workflows.action.prediction import predict
    from posebeam.workflows.video_sink import require_mp4

    paths = expand(videos)
    if settings.overlay and len(paths) == 1:
        require_mp4(Path(settings.overlay))  # before the work, not after it
    if not trained.looks_at_poses:
        yield from _watch_features(trained, paths, settings)
        return
    rule = window_rule(trained, backbone, settings.min_score)
    as_trained = trained.record["data"] if trained.knows_backbone(backbone) else {}
    estimator = load_estimator(
        backbone,
        decode=settings.decode or as_trained.get("decode", ""),
        detector=settings.detector or as_trained.get("detector", ""),
        flip=settings.flip or as_trained.get("flip", False),
        device=settings.device,
        weights=Path(settings.weights) if settings.weights else None,
        batch_size=settings.batch_size,
        crop_following=trained.record["data"]["crop_following"],
    )
    bounds, fps = Bounds(settings.max_pixels, settings.max_seconds), trained.record["data"]["fps"]
    for prediction in predict(paths, estimator, rule, trained.probabilities, fps, bounds):
        yield prediction
        if settings.overlay and prediction.error is None:
            _overlay(prediction, trained, rule, _overlay_path(settings.overlay, prediction.video, len(paths)))


def _watch_features(trained: "Trained", paths: Sequence[Path], settings: PredictConfig) -> "Iterator[Prediction]":
    """The same by a model that looks at features of frames. ConfigError for flags that concern poses."""
    from posebeam.transforms.errors import ConfigError
    from posebeam.workflows.action.feature_prediction import extractor_of, predict_features

    said = [name for name in ("decode", "detector", "flip", "overlay") if getattr(settings, name)]
    if settings.min_score >= 0:
        said.append("min-score")
    if said:
        raise ConfigError(f"--{said[0]} concerns poses: {trained.folder} looks at features of frames")
    weights = Path(settings.weights) if settings.weights else None
    extractor = extractor_of(trained, device=settings.device, weights=weights, batch_size=settings.batch_size)
    yield from predict_features(paths, trained, extractor, Bounds(settings.max_pixels, settings.max_seconds))


def window_rule(trained: "Trained", backbone: str, min_score: float) -> "WindowRule":
    """The rule by which the model's training windows were made, for the joints of a backbone."""
    from posebeam.models.registry import row
    from posebeam.transforms.windows import WindowRule

    data = trained.record["data"]
    if min_score < 0:
        min_score = data["min_score"] if trained.knows_backbone(backbone) else row(backbone).min_score
    return WindowRule(
        length=data["window"],
        stride=data["stride"],
        person=data["person"],
        min_score=min_score,
        chain=data["chain"],
        layout=data["layout"],
    )


def _say_switch(trained: "Trained", backbone: str, as_json: bool) -> None:
    from posebeam.workflows.console import say

    if not as_json and not trained.knows_backbone(backbone):
        say(f"trained on {trained.made.backbone}, predicting on {backbone}: same chain and layout")


def _tell(prediction: "Prediction", trained: "Trained", backbone: str, as_json: bool) -> None:
    from posebeam.workflows.console import rows_table, say, show

    if as_json:
        click.echo(json.dumps(facts(prediction, trained, backbone)))
    elif prediction.error is not None:
        say(f"{prediction.video}: {prediction.error.stage} failed: {prediction.error}")
    elif not prediction.starts:
        say(f"{prediction.video}: nobody was seen, or the clip is a still: no window, no label")
    else:
        say("{}: {} ({:.2f})".format(prediction.video, *_best(prediction.overall, trained.classes)))
        rows = [
            (f"{at:.1f} s", *_best(probabilities, trained.classes))
            for at, probabilities in zip(prediction.seconds, prediction.windows, strict=True)
        ]
        if trained.looks_at_poses:  # features are of a clip's beginning only: there is no more to say
            show(rows_table("over time", ("from", "label", "probability"), rows))


def _best(probabilities: Any, classes: tuple[str, ...]) -> tuple[str, float]:
    return classes[int(probabilities.argmax())], round(float(probabilities.max()), 3)


def facts(prediction: "Prediction", trained: "Trained", backbone: str) -> dict[str, Any]:
    """A video's labels, over time and on the whole, as --json prints them."""
    from posebeam.pipelines.stores.address import address

    found: dict[str, Any] = {
        "video": address(prediction.video), "backbone": backbone, "trained_on": trained.made.source,
        "label": None, "probability": None, "probabilities": {}, "windows": [], "warnings": [], "error": None,
    }  # fmt: skip
    if prediction.error is not None:
        return found | {"error": str(prediction.error)}
    if prediction.report is not None:
        found["warnings"] = list(prediction.report.warnings)
    if prediction.starts:
        label, probability = _best(prediction.overall, trained.classes)
        named = zip(trained.classes, prediction.overall.tolist(), strict=True)
        found |= {"label": label, "probability": probability, "probabilities": dict(named)}
        found["windows"] = [
            {"start": start, "seconds": round(at, 3), "label": best[0], "probability": best[1]}
            for start, at, best in zip(
                prediction.starts, prediction.seconds,
                [_best(each, trained.classes) for each in prediction.windows], strict=True,
            )
        ]  # fmt: skip
    return found


def _overlay_path(wanted: str, video: Path, videos: int) -> Path:
    return Path(wanted) if videos == 1 else Path(wanted) / f"{video.stem}.mp4"


def _overlay(prediction: "Prediction", trained: "Trained", rule: "WindowRule", path: Path) -> None:
    from posebeam.workflows.console import say
    from posebeam.workflows.overlay import write_overlay

    def label(frame: int) -> str:
        probabilities = prediction.at(frame, rule.length)
        return "" if probabilities is None else "{} {:.2f}".format(*_best(probabilities, trained.classes))

    rate, fps = prediction.report.fps if prediction.report is not None else None, trained.record["data"]["fps"]
    write_overlay(
        prediction.video,
        prediction.tracks,
        path,
        min_score=rule.min_score,
        label=label,
        rate=rate,
        fps=fps or None,
    )
    say(f"overlay: {path}")
