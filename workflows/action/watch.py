"""Watch: a trained model looks at videos, by the backbone or the features that it learnt from."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from posebeam.models.registry import load_estimator, row
from posebeam.pipelines.bounds import Bounds
from posebeam.pipelines.sources.videos import expand
from posebeam.transforms.errors import ConfigError
from posebeam.transforms.windows import WindowRule
from posebeam.workflows.action.feature_prediction import extractor_of, predict_features
from posebeam.workflows.action.labels import best
from posebeam.workflows.action.prediction import Prediction, predict
from posebeam.workflows.action.trained import Trained
from posebeam.workflows.console import say
from posebeam.workflows.overlay import require_other, write_overlay
from posebeam.workflows.video_sink import require_mp4

if TYPE_CHECKING:
    from posebeam.workflows.commands.predict import PredictConfig


def watch(
    trained: Trained, backbone: str, videos: Sequence[str], settings: "PredictConfig"
) -> Iterator[Prediction]:
    """What the model says of each video, as they end; overlays are written on the way where they are wanted."""
    paths = expand(videos)
    overlays = overlay_paths(settings.overlay, paths) if settings.overlay else {}  # before the work, not after it
    if not trained.looks_at_poses:
        yield from _watch_features(trained, paths, settings)
        return
    rule = rule_of(trained, backbone, settings.min_score)
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
        if overlays and prediction.error is None:
            _overlay(prediction, trained, rule, overlays[prediction.video])


def _watch_features(trained: Trained, paths: Sequence[Path], settings: "PredictConfig") -> Iterator[Prediction]:
    """The same by a model that looks at features of frames. ConfigError for flags that concern poses."""
    said = [name for name in ("decode", "detector", "flip", "overlay") if getattr(settings, name)]
    if settings.min_score >= 0:
        said.append("min-score")
    if said:
        raise ConfigError(f"--{said[0]} concerns poses: {trained.folder} looks at features of frames")
    weights = Path(settings.weights) if settings.weights else None
    extractor = extractor_of(trained, device=settings.device, weights=weights, batch_size=settings.batch_size)
    yield from predict_features(paths, trained, extractor, Bounds(settings.max_pixels, settings.max_seconds))


def rule_of(trained: Trained, backbone: str, min_score: float) -> WindowRule:
    """The rule by which the model's training windows were made, for the joints of a backbone.

    What is in a window is as in training. Which windows there are of a video, its mode and short, is not: all of
    them, whatever the training left out, so that every moment has an answer.
    """
    data = trained.record["data"]
    if min_score < 0:
        min_score = data["min_score"] if trained.knows_backbone(backbone) else row(backbone).min_score
    return WindowRule(
        length=data["window"],
        stride=data["stride"],
        gaps=data.get("gaps", WindowRule.gaps),
        person=data["person"],
        min_score=min_score,
        chain=data["chain"],
        layout=data["layout"],
    )


def overlay_paths(wanted: str, videos: Sequence[Path]) -> dict[Path, Path]:
    """Where each video's overlay goes: to the file `wanted`, or in that folder if there are several videos.

    ConfigError if the file is no .mp4, if an overlay would replace its video, or two have one name.
    """
    if len(videos) == 1:
        require_mp4(Path(wanted))
        found = {videos[0]: Path(wanted)}
    else:
        found = {video: Path(wanted) / f"{video.stem}.mp4" for video in videos}
    taken: dict[Path, Path] = {}
    for video, path in found.items():
        require_other(video, path)
        if (other := taken.setdefault(path, video)) != video:
            raise ConfigError(
                f"--overlay {wanted}: {other} and {video} would both be drawn to {path}: rename one of them, or "
                "predict them one at a time, each with a FILE.mp4 of its own"
            )
    return found


def _overlay(prediction: Prediction, trained: Trained, rule: WindowRule, path: Path) -> None:
    def label(frame: int) -> str:
        probabilities = prediction.at(frame)
        return "" if probabilities is None else "{} {:.2f}".format(*best(probabilities, trained.classes))

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
