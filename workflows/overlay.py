"""Overlay: a clip's tracks and labels drawn on its frames, as a video."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from posebeam.pipelines.clock import ASSUMED_FPS
from posebeam.pipelines.decode import DecodeReport, open_clip
from posebeam.pipelines.stored import StoredClip
from posebeam.transforms.errors import ConfigError, SourceError
from posebeam.transforms.track import PoseTrack
from posebeam.workflows.draw import draw_label, draw_people
from posebeam.workflows.video_sink import VideoSink

_SLACK = 0.005  # seconds: times are stored in single precision


def write_overlay(
    video: str | os.PathLike[str],
    tracks: Sequence[PoseTrack],
    path: Path,
    *,
    min_score: float,
    label: Callable[[int], str] | None = None,
    fps: float | None = None,
    rate: float | None = None,
) -> int:
    """Draw the tracks on the video they come from and write `path`, an .mp4; return its frames.

    One person's limbs are coloured by side; several people have a colour and their number each.
    tracks are of one skeleton, and number the frames as open_clip(video, fps=fps) does. label gives the text of
    a frame's number, "" for none. rate is the new video's frames a second: a DecodeReport's fps where that is
    known, else the header's is taken. ConfigError if `path` is the video itself.
    """
    require_other(video, path)
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


def require_other(video: str | os.PathLike[str], path: Path) -> None:
    """ConfigError if an overlay at `path` would replace the video that it is of."""
    if path.exists() and Path(video).exists() and path.samefile(video):
        raise ConfigError(
            f"{path} is the video itself, and an overlay never replaces its video: name another place"
        )


def _draw(rgb: NDArray[np.uint8], tracks: Sequence[PoseTrack], number: int, min_score: float) -> NDArray[np.uint8]:
    """The people whom the tracks hold at frame `number`, on the frame [H, W, 3]."""
    held = [(track, at) for track in tracks if (at := _index(track, number)) is not None]
    if not held:
        return rgb
    xy = np.stack([track.xy[at] for track, at in held])
    score = np.stack([track.score[at] for track, at in held])
    several = len({track.person for track in tracks}) > 1
    numbers = [track.person for track, _ in held] if several else None
    return draw_people(rgb, xy, score, held[0][0].skeleton, min_score, numbers)


def _index(track: PoseTrack, number: int) -> int | None:
    """Where a frame's number stands in a track; None in its gaps and outside it."""
    at = int(np.searchsorted(track.frames, number))
    return at if at < len(track) and track.frames[at] == number else None


def hold_against_video(video: str, stored: StoredClip, fps: float | None) -> DecodeReport:
    """Read the whole video and return its report; SourceError if it is not the one that the poses were seen in.

    Size of the frames, and the time of every frame that holds somebody, must be the stored ones. fps as in
    open_clip.
    """
    times, last = dict(stored.seconds), max(stored.seconds)
    with open_clip(video, fps=fps) as clip:
        for frame in clip:
            if frame.number == 0 and any(stored.size) and (frame.rgb.shape[1], frame.rgb.shape[0]) != stored.size:
                raise _another(
                    video, "frames of {} x {}".format(*frame.rgb.shape[1::-1]), "{} x {}".format(*stored.size)
                )
            at = times.pop(frame.number, frame.seconds)
            if abs(at - frame.seconds) > _SLACK:
                raise _another(video, f"frame {frame.number} at {frame.seconds:.3f} s", f"at {at:.3f} s")
            count = frame.number + 1
    if times:
        raise _another(video, f"{count} frames", f"at least {last + 1}")
    return clip.report


def _another(video: str, got: str, expected: str) -> SourceError:
    return SourceError(
        f"{video} is not the video that the poses were seen in, or it was changed: got {got}, expected {expected}"
    )
