"""Prediction: what a trained model says of a video, over time."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from posebeam.models.estimator import Estimator, follower
from posebeam.pipelines.bounds import BOUNDS, Bounds
from posebeam.pipelines.clip import ClipRef
from posebeam.pipelines.decode import DecodeReport, open_clip
from posebeam.pipelines.job import FRAME_BYTES
from posebeam.pipelines.lockstep import Ended, Failed, Seen, lockstep
from posebeam.pipelines.prefetch import Prefetch
from posebeam.pipelines.stores.fetched import opener
from posebeam.transforms.errors import ClipError
from posebeam.transforms.layout import layout
from posebeam.transforms.motion import Motion
from posebeam.transforms.track import PoseTrack
from posebeam.transforms.windows import Window, WindowRule

# x [n, 30, 52] and valid [n, 30, 13] to probabilities [n, classes]
Classify = Callable[[NDArray[np.float32], NDArray[np.bool_]], NDArray[np.float32]]

_STALL_SECONDS = 60.0


@dataclass(frozen=True, eq=False)
class Prediction:
    """One video: the probabilities [n, classes] of its n windows, or the error that ended it.

    starts are the windows' first frames, ends the frames after their last ones, seconds when they begin, people
    whose they are; overall [classes] is the mean over windows.
    """

    video: Path
    starts: tuple[int, ...] = ()
    seconds: tuple[float, ...] = ()
    windows: NDArray[np.float32] = field(default_factory=lambda: np.zeros((0, 0), np.float32))
    tracks: tuple[PoseTrack, ...] = ()
    report: DecodeReport | None = None
    error: ClipError | None = None
    people: tuple[int, ...] = ()
    ends: tuple[int, ...] = ()

    @property
    def overall(self) -> NDArray[np.float32]:
        """Mean of the windows' probabilities [classes]."""
        return np.asarray(self.windows.mean(0), np.float32)

    def at(self, frame: int) -> NDArray[np.float32] | None:
        """Mean probabilities [classes] of the windows that reach over a frame; None if none does."""
        spans = zip(self.starts, self.ends, strict=True)
        holding = [number for number, (start, end) in enumerate(spans) if start <= frame < end]
        return np.asarray(self.windows[holding].mean(0), np.float32) if holding else None


@dataclass(eq=False)
class _Watched:
    """One video while it is read."""

    motion: Motion
    tracks: list[PoseTrack] = field(default_factory=list)
    windows: list[Window] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    def take(self, tracks: Sequence[PoseTrack], windows: Sequence[Window]) -> None:
        """Keep what became complete."""
        self.tracks += tracks
        self.windows += windows


def predict(
    videos: Sequence[Path], estimator: Estimator, rule: WindowRule, classify: Classify, fps: float = 0.0,
    bounds: Bounds = BOUNDS,
) -> Iterator[Prediction]:  # fmt: skip
    """A Prediction for each video, as they end; several are read side by side. fps: as in PoseSettings."""
    refs = [ClipRef(str(video), str(video), "", str(video), "test", 0) for video in videos]
    slots = max(1, min(len(refs), estimator.batch_size))
    opener = partial(_open, FRAME_BYTES // (2 * slots), fps, bounds)
    watched = {ref.uri: _Watched(Motion(follower(ref.clip_id, estimator), rule)) for ref in refs}
    for event in lockstep(refs, opener, estimator, slots):
        video = watched[event.ref.uri]
        if isinstance(event, Seen):
            video.seconds.append(event.frame.seconds)
            video.take(*video.motion.push(event.frame.number, event.people))
        elif isinstance(event, Failed):
            yield Prediction(Path(event.ref.uri), error=event.error)
        else:
            video.take(*video.motion.finish())
            yield _classified(video, event, rule, classify)


def _open(share: int, fps: float, bounds: Bounds, ref: ClipRef) -> Prefetch:
    opened = opener(ref.uri, partial(open_clip, fps=fps or None, bounds=bounds))
    return Prefetch(opened, share, _STALL_SECONDS)


def _classified(video: _Watched, event: Ended, rule: WindowRule, classify: Classify) -> Prediction:
    path, tracks = Path(event.ref.uri), tuple(video.tracks)
    windows = [window for window in video.windows if video.motion.wants(window.person)]
    if not windows:
        return Prediction(path, tracks=tracks, report=event.report)
    windows.sort(key=lambda window: (window.start, window.person))
    x, valid = np.stack([window.x for window in windows]), np.stack([window.valid for window in windows])
    starts = tuple(window.start for window in windows)
    return Prediction(
        path, starts, tuple(video.seconds[start] for start in starts), classify(x, valid), tracks, event.report,
        people=tuple(window.person for window in windows), ends=_ends(windows, tracks, rule),
    )  # fmt: skip


def _ends(windows: Sequence[Window], tracks: Sequence[PoseTrack], rule: WindowRule) -> tuple[int, ...]:
    """The frame after each window's last one: the later, the more frames without the person were dropped."""
    if rule.gaps == "keep":
        return tuple(window.start + rule.length for window in windows)
    shown = shown_frames(tracks, rule)
    return tuple(int(window_frames(shown[each.person], each.start, rule.length)[-1]) + 1 for each in windows)


def shown_frames(tracks: Sequence[PoseTrack], rule: WindowRule) -> dict[int, NDArray[np.int64]]:
    """By person the numbers [n], rising, of the frames in which a joint was seen that the layout is made of."""
    numbers: dict[int, list[NDArray[np.int32]]] = defaultdict(list)
    for track in tracks:
        score = track.score[:, layout(rule.layout).indices(track.skeleton_name)]
        numbers[track.person].append(track.frames[(score >= rule.min_score).any(1)])
    return {person: np.sort(np.concatenate(own)).astype(np.int64) for person, own in numbers.items()}


def window_frames(shown: NDArray[np.int64], start: int, length: int) -> NDArray[np.int64]:
    """The first `length` of the frames shown [n] from start on; past the last one they go on, one by one: the
    window is filled up there."""
    first = int(np.searchsorted(shown, start))
    own = shown[first : first + length]
    return np.concatenate((own, own[-1] + 1 + np.arange(length - len(own))))
