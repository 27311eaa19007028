"""Settings: everything that decides the bytes of a data set, and nothing else."""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from hashlib import sha256
from typing import Any

from posebeam.models.row import IMPORTED as IMPORTED
from posebeam.pipelines.bounds import BOUNDS, Bounds
from posebeam.transforms.errors import ConfigError
from posebeam.transforms.windows import WindowRule

_BOXES = ("detector", "detector_sha256", "flip", "backbone_sha256")
# What stands in a plan only where it is said, so that plans of before keep their hash.
_EXTRA = (*_BOXES, "images", "features", "features_sha256", "max_pixels", "max_seconds")
STILLS = ("coco", "images", "coco-images")  # kinds of sources whose clips are images
ANNOTATED = ("coco", "coco-images")  # those that an annotation file names, with people
PICTURES = ("images", "coco-images")  # those of which the pictures themselves are kept


@dataclass(frozen=True)
class PoseSettings:
    """What decides the poses: the dear half, and what else is made of the frames.

    backbone is "" where nobody looks for poses: then there are no poses and no windows. decode is a way of the
    backbone's, "" where it has one only. fps is the most frames a second that are taken, 0 for all. shards is 0
    for auto, limit 0 for all clips. detector and the sha256 of its weights are "" where whole frames are looked
    at; flip: the mirrored picture is looked at too. backbone_sha256 is that of the backbone.toml of a backbone
    that was trained (models/run_row.py), whose row no posebeam has. images: the pictures themselves are kept,
    frames of videos as JPEG. features: the extractor whose features of each clip's first frames are kept, or "",
    with the sha256 of its weights. max_pixels and max_seconds: what is larger or longer is rejected (bounds.py),
    0 for the bounds that stand if nobody says otherwise.
    """

    kind: str
    backbone: str
    weights_sha256: str
    decode: str = ""
    fps: float = 0.0
    split: int = 1
    crop_following: bool = True
    device_kind: str = "cpu"
    batch_size: int = 32
    threads: int = 1
    shards: int = 0
    limit: int = 0
    detector: str = ""
    detector_sha256: str = ""
    flip: bool = False
    backbone_sha256: str = ""
    images: bool = False
    features: str = ""
    features_sha256: str = ""
    max_pixels: int = 0
    max_seconds: float = 0.0

    def __post_init__(self) -> None:
        for name, least in (("batch_size", 1), ("threads", 1), ("shards", 0), ("limit", 0)):
            if getattr(self, name) < least:
                raise ConfigError(f"{name}: got {getattr(self, name)}, expected {least} or more")
        if not (math.isfinite(self.fps) and self.fps >= 0):
            raise ConfigError(f"fps: got {self.fps}, expected a positive number, or 0 to take all frames")
        _ = self.bounds  # checks itself
        if self.features and self.stills:
            raise ConfigError(f"features {self.features}: they are of clips, images have none")
        if not self.backbone and (self.weights_sha256 or self.decode or self.boxes):
            raise ConfigError(
                "weights, decode, detector and flip concern poses: give a backbone, or leave them out"
            )

    @property
    def boxes(self) -> dict[str, Any]:
        """What concerns some backbones only, where it is said: what is absent changes no hash."""
        return {name: getattr(self, name) for name in _BOXES if getattr(self, name)}

    @property
    def extra(self) -> dict[str, Any]:
        """All that is absent where it is not said."""
        return {name: getattr(self, name) for name in _EXTRA if getattr(self, name)}

    @property
    def bounds(self) -> Bounds:
        """How large and how long a clip may be."""
        return Bounds(self.max_pixels or BOUNDS.pixels, self.max_seconds or BOUNDS.seconds)

    @property
    def has_poses(self) -> bool:
        """Whether somebody looks for people in the frames."""
        return bool(self.backbone)

    @property
    def stills(self) -> bool:
        """Whether the clips are images: one frame each, everybody in it kept, no windows."""
        return self.kind in STILLS


@dataclass(frozen=True)
class Settings:
    """The configuration of one data set: how poses are made, and windows from them."""

    poses: PoseSettings
    windows: WindowRule

    def as_dict(self) -> dict[str, Any]:
        """As it stands in plan.json."""
        every = {key: value for key, value in asdict(self.poses).items() if key not in _EXTRA}
        return {"poses": every | self.poses.extra, "windows": asdict(self.windows)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "Settings":
        """Back from plan.json."""
        return cls(PoseSettings(**data["poses"]), WindowRule(**data["windows"]))


def digest(data: Any) -> str:
    """sha256 of anything that is JSON, as hex: independent of key order and of the machine."""
    return sha256(json.dumps(data, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def differences(old: Mapping[str, Any], new: Mapping[str, Any], where: str = "") -> list[str]:
    """One sentence a key that differs between two nested mappings."""
    lines = []
    for key in sorted(old.keys() | new.keys()):
        a, b = old.get(key), new.get(key)
        if isinstance(a, Mapping) and isinstance(b, Mapping):
            lines += differences(a, b, f"{where}{key}.")
        elif a != b:
            lines.append(f"{where}{key}: {a!r} in the folder, {b!r} now")
    return lines
