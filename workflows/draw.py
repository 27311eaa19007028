"""Draw: skeletons and labels on frames; the only place where a skeleton is drawn."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from posebeam.transforms.skeleton import Skeleton

Colour = tuple[int, int, int]

# RGB. Blue and orange stay apart for all common colour-blindnesses, and against skin and grass.
LEFT: Colour = (40, 130, 255)
RIGHT: Colour = (255, 130, 0)
CENTRE: Colour = (235, 235, 235)
_EDGE: Colour = (20, 20, 20)
# Several people: one colour each, from Okabe and Ito's palette for all common colour-blindnesses.
PEOPLE: tuple[Colour, ...] = (
    (0, 158, 115), (240, 228, 66), (204, 121, 167), (86, 180, 233), (213, 94, 0), (240, 240, 240),
    (0, 114, 178), (230, 159, 0),
)  # fmt: skip

_BITS = 4  # OpenCV takes coordinates in 1/16 of a pixel
_FAR = 20_000.0  # pixels: beyond it OpenCV's fixed-point coordinates overflow
_FONT = cv2.FONT_HERSHEY_SIMPLEX


def draw_people(
    frame: NDArray[np.uint8],
    xy: NDArray[np.floating],
    score: NDArray[np.floating],
    skeleton: Skeleton,
    min_score: float,
    numbers: Sequence[int] | None = None,
) -> NDArray[np.uint8]:
    """A copy of the frame, uint8 RGB [H, W, 3], with people drawn on it.

    xy [P, K, 2] in the frame's pixels, score [P, K]. A joint below min_score, or not finite, is left out with its
    limbs. Left is blue, right orange (the person's own sides), limbs between the sides white. With numbers [P]
    the limbs of a person are in a colour of their own instead, and the number stands above the head.
    """
    P, K = score.shape
    if frame.ndim != 3 or frame.shape[2] != 3 or xy.shape != (P, K, 2) or len(skeleton) != K:
        raise ValueError(
            f"got frame {list(frame.shape)}, xy {list(xy.shape)}, score {list(score.shape)}, "
            f"expected [H, W, 3], [P, {len(skeleton)}, 2], [P, {len(skeleton)}] for {skeleton.name}"
        )
    canvas = np.ascontiguousarray(frame).copy()
    thickness = line_thickness(frame)
    colours = [_side(joint) for joint in skeleton.joints]
    with np.errstate(invalid="ignore"):
        seen = (score >= min_score) & (np.abs(xy) < _FAR).all(-1)  # NaN is neither
    for index, (points, visible) in enumerate(zip(xy, seen, strict=True)):
        own = None if numbers is None else PEOPLE[numbers[index] % len(PEOPLE)]
        limbs = [(a, b) for a, b in skeleton.limb_indices if visible[a] and visible[b]]
        for a, b in limbs:
            _line(canvas, points[a], points[b], _EDGE, thickness + 2)
        for a, b in limbs:
            _line(canvas, points[a], points[b], own or _mixed(colours[a], colours[b]), thickness)
        for joint in np.flatnonzero(visible):
            _dot(canvas, points[joint], _EDGE, thickness + 1)
            _dot(canvas, points[joint], colours[joint], thickness)
        if own and numbers is not None and visible.any():
            _number(canvas, points[visible], str(numbers[index]), own)
    return canvas


def draw_label(frame: NDArray[np.uint8], text: str) -> NDArray[np.uint8]:
    """A copy of the frame, uint8 RGB [H, W, 3], with lines of text on a dark band at its top."""
    canvas = np.ascontiguousarray(frame).copy()
    lines = text.splitlines()
    if not lines:
        return canvas
    height, width = frame.shape[:2]
    scale, thick = _text_scale(lines, height, width)
    step = round(34 * scale)
    band = canvas[: min(height, step * len(lines) + step // 3)]
    band[:] = band // 3
    for number, line in enumerate(lines, 1):
        at = (round(8 * scale), step * number - step // 5)
        cv2.putText(canvas, line, at, _FONT, scale, (255, 255, 255), thick, cv2.LINE_AA)
    return canvas


def line_thickness(frame: NDArray[np.uint8]) -> int:
    """Pixels of a limb: 2 on small frames, 5 at 720p, 8 at 1080p."""
    return max(2, round(min(frame.shape[:2]) / 140))


def _side(joint: str) -> Colour:
    return LEFT if joint.startswith("left_") else RIGHT if joint.startswith("right_") else CENTRE


def _mixed(a: Colour, b: Colour) -> Colour:
    """A limb between a side and the centre takes the side, one between the sides is the centre's."""
    return a if b in (a, CENTRE) else b if a == CENTRE else CENTRE


def _line(
    canvas: NDArray[np.uint8], a: NDArray[np.floating], b: NDArray[np.floating], colour: Colour, thick: int
) -> None:
    cv2.line(canvas, _fixed(a), _fixed(b), colour, thick, cv2.LINE_AA, _BITS)


def _dot(canvas: NDArray[np.uint8], at: NDArray[np.floating], colour: Colour, radius: int) -> None:
    cv2.circle(canvas, _fixed(at), radius << _BITS, colour, cv2.FILLED, cv2.LINE_AA, _BITS)


def _fixed(point: NDArray[np.floating]) -> tuple[int, int]:
    """A point [2] in OpenCV's fixed-point coordinates."""
    x, y = (round(float(value) * (1 << _BITS)) for value in point)
    return x, y


def _number(canvas: NDArray[np.uint8], points: NDArray[np.floating], text: str, colour: Colour) -> None:
    """A person's number above the highest of the points [m, 2], within the frame."""
    height, width = canvas.shape[:2]
    scale = max(0.4, min(height, width) / 12 / 34)
    (wide, high), _ = cv2.getTextSize(text, _FONT, scale, 2)
    x, y = points[points[:, 1].argmin()]
    x = min(max(float(x) - wide / 2, 2), max(width - wide - 2, 0))
    y = min(max(float(y) - high / 2, high + 2), height - 2)
    for ink, thick in ((_EDGE, 4), (colour, 2)):
        cv2.putText(canvas, text, (round(x), round(y)), _FONT, scale, ink, thick, cv2.LINE_AA)


def _text_scale(lines: list[str], height: int, width: int) -> tuple[float, int]:
    """Font scale and thickness: a twelfth of the frame's shorter side a line, less where a line is too wide."""
    widest = max(cv2.getTextSize(line, _FONT, 1.0, 2)[0][0] for line in lines)
    scale = min(min(height, width) / 12 / 34, width / (widest + 24), 2.0)
    return max(scale, 0.3), 1 if scale < 0.75 else 2
