"""ExplainFilm: a window's attention above a filmstrip of its frames with the skeleton, as one figure."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure
from numpy.typing import NDArray

from posebeam.models.crop import box_matrix, crop
from posebeam.pipelines.decode import open_clip
from posebeam.transforms.track import PoseTrack
from posebeam.workflows.draw import draw_people
from posebeam.workflows.explain_grid import DPI
from posebeam.workflows.explain_window import Attended

_MARGIN = 0.15  # of the person's extent, on each side
_TALL = 256  # pixels of a frame in the strip
_WIDE = 0.9  # inches of a frame
_LEFT, _RIGHT, _TITLE, _ROW, _AXIS = 0.9, 1.5, 0.7, 0.36, 0.3


def draw_film(
    video: Path, seen: Attended, min_score: float, fps: float, title: str, note: str, path: Path
) -> None:
    """Write a PNG: a row a layer of what the class token takes from each frame, then the frames themselves."""
    region = person_region(seen, min_score)
    film = read_film(video, seen, region, min_score, fps)
    L, T = seen.to_frames.shape
    strip = T * _WIDE
    tall = _WIDE * (region[3] - region[1]) / (region[2] - region[0])
    width, height = _LEFT + strip + _RIGHT, _TITLE + L * _ROW + _AXIS + tall + 0.15
    figure = Figure(figsize=(width, height), dpi=DPI)
    figure.text(0.1 / width, 1 - 0.12 / height, title, fontsize=13, va="top", parse_math=False)
    figure.text(0.1 / width, 1 - 0.42 / height, note, fontsize=9, color="dimgrey", va="top", parse_math=False)
    below = height - _TITLE - L * _ROW
    axes = figure.add_axes((_LEFT / width, below / height, strip / width, L * _ROW / height))
    _draw_attention(figure, axes, seen)
    bottom = below - _AXIS - tall
    for index, picture in enumerate(film):
        left = _LEFT + index * _WIDE
        tile = figure.add_axes((left / width, bottom / height, 0.96 * _WIDE / width, tall / height))
        tile.set(xticks=[], yticks=[])
        tile.imshow(picture, interpolation="bilinear")
    figure.savefig(path, metadata={"Software": None})


def _draw_attention(figure: Figure, axes: Any, seen: Attended) -> None:
    """The layers' rows; what each takes from itself stands to the right."""
    L, T = seen.to_frames.shape
    image = axes.imshow(seen.to_frames, aspect="auto", cmap="magma", vmin=0)
    axes.set_yticks(range(L), [f"layer {layer}" for layer in range(L)], fontsize=9)
    axes.set_xticks(range(T), [str(number) for number in seen.frames], fontsize=7)
    axes.tick_params(length=0)
    for layer, share in enumerate(seen.to_itself):
        axes.text(T - 0.4, layer, f"itself {share:.2f}", fontsize=8, va="center")
    box = axes.get_position()
    bar = figure.add_axes((box.x1 + 0.85 / figure.get_figwidth(), box.y0, 0.1 / figure.get_figwidth(), box.height))
    figure.colorbar(image, cax=bar).ax.tick_params(labelsize=7)


def person_region(seen: Attended, min_score: float) -> tuple[float, float, float, float]:
    """x0, y0, x1, y1 in source pixels: all places of the window's person, with a margin, and no narrower than half
    its height.
    """
    first, last = seen.frames[0], seen.frames[-1]
    points = []
    for track in seen.tracks:
        within = (track.frames >= first) & (track.frames <= last)
        points.append(track.xy[within][track.score[within] >= min_score])
    xy = np.concatenate(points)
    low, high = xy.min(0).astype(np.float64), xy.max(0).astype(np.float64)
    side = np.maximum(high - low, 8.0) * (1 + 2 * _MARGIN)
    side = np.maximum(side, side[::-1] * (0.5, 0.75))
    (x0, y0), (x1, y1) = (low + high - side) / 2, (low + high + side) / 2
    return float(x0), float(y0), float(x1), float(y1)


def read_film(
    video: Path, seen: Attended, region: tuple[float, float, float, float], min_score: float, fps: float
) -> list[NDArray[np.uint8]]:
    """The window's frames, cut to the region, with the person drawn where it was seen; grey past the end."""
    x0, y0, x1, y1 = region
    size = (max(1, round(_TALL * (x1 - x0) / (y1 - y0))), _TALL)
    empty = np.full((size[1], size[0], 3), 128, np.uint8)
    found: dict[int, NDArray[np.uint8]] = {}
    to_source = box_matrix(region, size[::-1])[None]
    wanted = {int(number) for number in seen.frames}
    with open_clip(video, fps=fps or None) as clip:
        for frame in clip:
            if frame.number in wanted:
                image = crop([frame.rgb], to_source, size[::-1], torch.device("cpu"))[0]
                piece = image.round().to(torch.uint8).permute(1, 2, 0).numpy()
                zoom = size[0] / (x1 - x0)
                found[frame.number] = _with_person(piece, seen.tracks, frame.number, region, zoom, min_score)
            if frame.number >= max(wanted):
                break
    return [found.get(int(number), empty) for number in seen.frames]


def _with_person(
    piece: NDArray[np.uint8],
    tracks: Sequence[PoseTrack],
    number: int,
    region: tuple[float, float, float, float],
    zoom: float,
    min_score: float,
) -> NDArray[np.uint8]:
    """The person at frame `number` on the piece of it."""
    for track in tracks:
        at = np.flatnonzero(track.frames == number)
        if len(at):
            xy = (track.xy[at] - np.array(region[:2], np.float32)) * np.float32(zoom)
            return draw_people(piece, xy, track.score[at], track.skeleton, min_score)
    return piece
