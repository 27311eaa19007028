"""BuildSettings: what decides a build's bytes, out of the flags of posebeam build."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from posebeam.pipelines.bounds import BOUNDS, Bounds
from posebeam.workflows.commands.windows import window_rule

if TYPE_CHECKING:
    from posebeam.pipelines.settings import Settings
    from posebeam.workflows.commands.build import BuildConfig

BACKBONES_MIN_SCORE = -1.0  # the default: the backbone's own
KINDS_FPS, _PICTURES_FPS = -1.0, 1.0  # the default, and what it is for images


def of_kind(kind: str, config: "BuildConfig") -> "BuildConfig":
    """The flags with the kind's own values where nothing was said; none is "" as before."""
    from posebeam.models.registry import DEFAULT
    from posebeam.pipelines.settings import PICTURES

    pictures = kind in PICTURES
    if config.fps == KINDS_FPS:
        config = replace(config, fps=_PICTURES_FPS if kind == "images" else 0.0)
    asked = config.backbone or config.features
    return config if asked or pictures else replace(config, backbone=DEFAULT)


def settings_of(kind: str, config: "BuildConfig") -> "Settings":
    """What decides the bytes, out of the flags."""
    from posebeam.pipelines.settings import PICTURES, PoseSettings, Settings

    config = of_kind(kind, config)
    how, min_score = _sight(kind, config) if config.backbone else _no_sight(config)
    poses = PoseSettings(
        kind=kind,
        fps=config.fps,
        split=config.split,
        device_kind=_device_kind(config),
        batch_size=config.batch_size,
        threads=config.threads,
        shards=config.shards,
        limit=config.limit,
        images=kind in PICTURES,
        **_features(config),
        **_bounds(config),
        **how,
    )
    return Settings(poses, window_rule(config, min_score))


def _device_kind(config: "BuildConfig") -> str:
    """cpu or cuda. Whether it is there is asked where the workers are known (pipelines/engines/runner.py)."""
    from posebeam.models.device import choose_device

    if not config.backbone and not config.features:
        return "cpu"
    return config.device if config.device != "auto" else choose_device("auto").type


def _bounds(config: "BuildConfig") -> dict[str, Any]:
    """What PoseSettings says of the most pixels and seconds, where they are others."""
    bounds = Bounds(config.max_pixels, config.max_seconds)
    said = {"max_pixels": (bounds.pixels, BOUNDS.pixels), "max_seconds": (bounds.seconds, BOUNDS.seconds)}
    return {name: value for name, (value, usual) in said.items() if value != usual}


def _features(config: "BuildConfig") -> dict[str, Any]:
    """What PoseSettings says of features, where some are wanted."""
    from posebeam.models.extractors import features_sha256
    from posebeam.transforms.errors import ConfigError

    own = Path(config.features_weights) if config.features_weights else None
    if not config.features:
        if own:
            raise ConfigError("--features-weights are of features, and none are asked for: give --features NAME")
        return {}
    return {"features": config.features, "features_sha256": features_sha256(config.features, own)}


def _sight(kind: str, config: "BuildConfig") -> tuple[dict[str, Any], float]:
    """What PoseSettings says of the backbone, and the score below which a joint is missing."""
    from posebeam.models.registry import boxes_from, pose_row, row, row_sha256, weights_sha256
    from posebeam.pipelines.settings import STILLS
    from posebeam.transforms.layout import layout

    facts = pose_row(config.backbone)
    layout(config.layout).indices(facts.skeleton)  # refused now and not by the first worker
    facts.check_flip(config.flip)
    detector = boxes_from(config.backbone, config.detector)
    own = Path(config.weights) if config.weights else None
    min_score = facts.min_score if config.min_score == BACKBONES_MIN_SCORE else config.min_score
    how = {
        "backbone": facts.name,
        "weights_sha256": weights_sha256(config.backbone, own),
        "decode": facts.decode(config.decode),
        "crop_following": config.crop_following and kind not in STILLS and not detector,
        "detector": row(detector).name if detector else "",
        "detector_sha256": weights_sha256(detector) if detector else "",
        "flip": config.flip,
        "backbone_sha256": row_sha256(config.backbone),
    }
    return how, min_score


def _no_sight(config: "BuildConfig") -> tuple[dict[str, Any], float]:
    """The same where nobody looks for poses. ConfigError for flags that say how."""
    from posebeam.transforms.errors import ConfigError

    said = [name for name in ("weights", "decode", "detector", "flip") if getattr(config, name)]
    if said:
        raise ConfigError(f"--{said[0]} says how poses are made, and none are: give --backbone NAME too")
    return {"backbone": "", "weights_sha256": "", "crop_following": False}, 0.0
