"""Overlay: a clip's tracks and labels drawn on its frames, as a video."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from posebeam.pipelines.clock import ASSUMED_FPS
from posebeam.pipelines.decode import open_clip
from posebeam.transforms.errors import ConfigError
from posebeam.transforms.track import PoseTrack
from posebeam.workflows.draw import draw_label, draw_people
from posebeam.workflows.video_sink import VideoSink


def write_overlay(
    video: Path,
    tracks: Sequence[PoseTrack],
    path: Path,
    *,
    min_score: float,
    label: Callable[[int], str] | None = None,
    fps: float | None = None,
    rate: float | None = None,
) -> int:
    """Draw the tracks on the video they come from and write `path`, an .mp4; return its frames.

    tracks are of one skeleton, and number the frames as open_clip(video, fps=fps) does. label gives the text of
    a frame's number, "" for none. rate is the new video's frames a second: a DecodeReport's fps where that is
    known, else the header's is taken.
    """
    names = {track.skeleton_name for track in tracks}
    if len(names) > 1:
        raise ConfigError(f"{path}: one overlay cannot hold several skeletons: {', '.join(sorted(names))}")
    count = 0
    with open_clip(video, fps=fps) as clip:
        shown = rate or clip.fps or ASSUMED_FPS
        with VideoSink(path, min(shown, fps or shown)) as sink:
            for frame in clip:
                picture = _draw(frame.rgb, tracks, frame.number, min_score)
                sink.write(draw_label(picture, label(frame.number)) if label else picture)
                count += 1
    return count


def _draw(rgb: NDArray[np.uint8], tracks: Sequence[PoseTrack], number: int, min_score: float) -> NDArray[np.uint8]:
    """The people whom the tracks hold at frame `number`, on the frame [H, W, 3]."""
    held = [(track, at) for track in tracks if (at := _index(track, number)) is not None]
    if not held:
        return rgb
    xy = np.stack([track.xy[at] for track, at in held])
    score = np.stack([track.score[at] for track, at in held])
    return draw_people(rgb, xy, score, held[0][0].skeleton, min_score)


def _index(track: PoseTrack, number: int) -> int | None:
    """Where a frame's number stands in a track; None in its gaps and outside it."""
    at = int(np.searchsorted(track.frames, number))
    return at if at < len(track) and track.frames[at] == number else None
