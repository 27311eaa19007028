"""ExplainFilm: a window's attention above a filmstrip of its frames with the skeleton, as one figure."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from posebeam.models.crop import box_matrix, crop
from posebeam.pipelines.decode import open_clip
from posebeam.transforms.track import PoseTrack
from posebeam.workflows.draw import draw_people
from posebeam.workflows.explain.sheet import TITLE, Sheet
from posebeam.workflows.explain.window import Attended

_MARGIN = 0.15  # of the person's extent, on each side
_TALL = 256  # pixels of a frame in the strip
_WIDE = 0.9  # inches of a frame
_LEFT, _RIGHT, _ROW, _AXIS, _GAP, _BOTTOM = 0.9, 1.5, 0.36, 0.3, 0.04, 0.15


def draw_film(
    video: Path, seen: Attended, min_score: float, fps: float, title: str, note: str, path: Path
) -> None:
    """Write a PNG: a row a layer of what the class token takes from each frame, then the frames themselves."""
    regions = person_regions(seen, min_score)
    film = read_film(video, seen, regions, min_score, fps)
    L, T = seen.to_frames.shape
    tall = _WIDE * film[0].shape[0] / film[0].shape[1]
    height = TITLE + L * _ROW + _AXIS + tall + _BOTTOM
    sheet = Sheet(_LEFT + T * _WIDE + _RIGHT, height, title, note)
    _draw_attention(sheet, seen)
    for index, picture in enumerate(film):
        axes = sheet.axes(_LEFT + index * _WIDE, TITLE + L * _ROW + _AXIS, _WIDE - _GAP, tall)
        sheet.picture(axes, picture)
    sheet.save(path)


def _draw_attention(sheet: Sheet, seen: Attended) -> None:
    """The layers' rows; what each takes from itself stands to the right."""
    L, T = seen.to_frames.shape
    axes = sheet.axes(_LEFT, TITLE, T * _WIDE - _GAP, L * _ROW)
    image = axes.imshow(seen.to_frames, aspect="auto", cmap="magma", vmin=0)
    axes.set_yticks(range(L), [f"layer {layer}" for layer in range(L)], fontsize=9)
    axes.set_xticks(range(T), [str(number) for number in seen.frames], fontsize=8)
    axes.tick_params(length=0)
    for layer, share in enumerate(seen.to_itself):
        axes.text(T - 0.4, layer, f"itself {share:.2f}", fontsize=8, va="center")
    scale = sheet.axes(_LEFT + T * _WIDE + 0.75, TITLE, 0.1, L * _ROW)
    sheet.figure.colorbar(image, cax=scale).ax.tick_params(labelsize=7)


def person_regions(seen: Attended, min_score: float) -> NDArray[np.float64]:
    """x0, y0, x1, y1 in source pixels [T, 4]: where the window's person is in each frame.

    All are of one size, that of the largest, with a margin, and neither side is below half of the other. A frame
    that does not show the person has its place from those before and after.
    """
    number, low, high = [], [], []
    for track in seen.tracks:
        for at, frame in enumerate(track.frames):
            points = track.xy[at][track.score[at] >= min_score]
            if len(points) and seen.frames[0] <= frame <= seen.frames[-1]:
                number.append(frame)
                low.append(points.min(0))
                high.append(points.max(0))
    lows, highs = np.array(low, np.float64), np.array(high, np.float64)  # [seen, 2]
    size = np.maximum((highs - lows).max(0), 8.0) * (1 + 2 * _MARGIN)
    size = np.maximum(size, size[::-1] / 2)
    centre = np.stack([np.interp(seen.frames, number, axis) for axis in ((lows + highs) / 2).T], 1)
    return np.concatenate((centre - size / 2, centre + size / 2), 1)


def read_film(
    video: Path, seen: Attended, regions: NDArray[np.float64], min_score: float, fps: float
) -> list[NDArray[np.uint8]]:
    """The window's frames, each cut to its region [T, 4], with the person where it was seen; grey past the end."""
    wide, high = (regions[0, 2:] - regions[0, :2]).tolist()
    size = (_TALL, max(1, round(_TALL * wide / high)))
    found: dict[int, NDArray[np.uint8]] = {}
    region_of = {int(number): region for number, region in zip(seen.frames, regions, strict=True)}
    with open_clip(video, fps=fps or None) as clip:
        for frame in clip:
            if (region := region_of.get(frame.number)) is not None:
                image = crop([frame.rgb], box_matrix(region, size)[None], size, torch.device("cpu"))[0]
                piece = image.round().to(torch.uint8).permute(1, 2, 0).numpy()
                found[frame.number] = _with_person(piece, seen.tracks, frame.number, region, min_score)
            if frame.number >= max(region_of):
                break
    empty = np.full((*size, 3), 128, np.uint8)
    return [found.get(int(number), empty) for number in seen.frames]


def _with_person(
    piece: NDArray[np.uint8],
    tracks: Sequence[PoseTrack],
    number: int,
    region: NDArray[np.float64],
    min_score: float,
) -> NDArray[np.uint8]:
    """The person at frame `number` on the piece [h, w, 3] of it."""
    for track in tracks:
        at = np.flatnonzero(track.frames == number)
        if len(at):
            zoom = piece.shape[1] / (region[2] - region[0])
            return draw_people(
                piece, (track.xy[at] - region[:2]) * zoom, track.score[at], track.skeleton, min_score
            )
    return piece
