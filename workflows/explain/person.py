"""ExplainPerson: whom a picture of attention is about."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posebeam.models.registry import load_detector
from posebeam.transforms.errors import ConfigError, SourceError

FINDER = "movenet-multipose"

Box = NDArray[np.float64]


def given_box(text: str) -> Box:
    """X,Y,W,H to a box [4] in source pixels; ConfigError if it is none."""
    try:
        box = np.array([float(part) for part in text.split(",")])
    except ValueError:
        box = np.zeros(0)
    if box.shape != (4,) or not np.isfinite(box).all() or (box[2:] <= 0).any():
        raise ConfigError(f"--box {text}: expected X,Y,WIDTH,HEIGHT in pixels, as 120,40.5,80,200")
    return box


def annotated_box(annotations: Path, number: int, picture: str) -> Box:
    """The box [4] of an annotation of the picture of that name; SourceError or ConfigError if there is none."""
    try:
        content: dict[str, Any] = json.loads(annotations.read_text(encoding="utf-8"))
        people, images = content["annotations"], {each["id"]: each["file_name"] for each in content["images"]}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SourceError(f"{annotations} is no COCO annotation file: {type(error).__name__}: {error}") from None
    for one in people:
        if one.get("id") == number:
            shown = Path(str(images.get(one.get("image_id"), ""))).name
            if shown != picture:
                raise ConfigError(f"annotation {number} is of {shown}, not of {picture}")
            return np.array(one["bbox"], np.float64)
    here = [str(one["id"]) for one in people if Path(str(images.get(one["image_id"], ""))).name == picture]
    raise ConfigError(f"{annotations} has no annotation {number}; of {picture}: {', '.join(here) or 'none'}")


def surest_box(frame: NDArray[np.uint8], device: str) -> tuple[Box, str]:
    """The box [4] of the person that MoveNet MultiPose is surest of, or of the whole frame; and which it is."""
    height, width = frame.shape[:2]
    found = load_detector(FINDER, device=device, batch_size=1)([frame])[0]
    if not len(found):
        return np.array([0.0, 0.0, width, height]), f"the whole picture: {FINDER} sees nobody"
    return found.xywh[0], f"whom {FINDER} is surest of"
