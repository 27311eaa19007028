"""Overlay: stored poses and labels drawn on their video."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from posebeam.pipelines.decode import open_clip
from posebeam.transforms.skeleton import Skeleton
from posebeam.transforms.track import PoseTrack
from posebeam.workflows.draw import draw_label, draw_people
from posebeam.workflows.video_sink import VideoSink


def write_overlay(
    video: Path,
    tracks: Sequence[PoseTrack],
    min_score: float,
    path: Path,
    label: Callable[[int], str] = lambda frame: "",
) -> int:
    """Write an .mp4 of the whole video with its tracks' skeletons and a label a frame; return the frames."""
    poses = _by_frame(tracks)
    count = 0
    with open_clip(video) as clip, VideoSink(path, clip.fps) as sink:
        for frame in clip:
            rgb = frame.rgb
            for skeleton, xy, score in poses.get(frame.number, []):
                rgb = draw_people(rgb, xy[None], score[None], skeleton, min_score)
            sink.write(draw_label(rgb, label(frame.number)))
            count += 1
    return count


def _by_frame(
    tracks: Sequence[PoseTrack],
) -> dict[int, list[tuple[Skeleton, np.ndarray, np.ndarray]]]:
    poses: dict[int, list[tuple[Skeleton, np.ndarray, np.ndarray]]] = {}
    for track in tracks:
        for number, xy, score in zip(track.frames.tolist(), track.xy, track.score, strict=True):
            poses.setdefault(number, []).append((track.skeleton, xy, score))
    return poses
