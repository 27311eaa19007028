"""Clock: when each frame of a clip is shown, whatever its container says."""

import math

_NEARLY = 0.99  # 29.97 frames a second are 30
ASSUMED_FPS = 25.0  # only for clips that carry neither timestamps nor a frame rate


class Clock:
    """Timestamps that rise from 0, where the container's do not: AVI with B-frames ends with a zero."""

    def __init__(self, header_fps: float) -> None:
        self._step = 1 / (header_fps or ASSUMED_FPS)
        self._first = 0.0
        self.frames = 0
        self.seconds = 0.0

    def tick(self, stamp: float) -> float:
        """Seconds since the first frame; stamp is the container's time of this frame in seconds."""
        if self.frames == 0:
            self._first = stamp if math.isfinite(stamp) else 0.0
        else:
            since = stamp - self._first
            rises = math.isfinite(since) and since > self.seconds
            self.seconds = since if rises else self.seconds + self._step
        self.frames += 1
        return self.seconds


class Pace:
    """Which frames to keep so that at most `fps` a second remain, by their timestamps; none is made up.

    A frame is due 1/fps after the one before was due, not after it came: so 30 a second become 25 and not 15.
    The frame nearest to that is kept: one may come half a mean interval early, so that a rate that jitters, or is
    written in milliseconds, keeps its frames. Where the clip is silent for longer, the next frame is due at once
    and the count starts from there.
    """

    def __init__(self, fps: float, source_fps: float = 0.0) -> None:
        """source_fps: what the container says of its own rate, 0 if nothing; the timestamps decide."""
        self._fps, self._step = fps, 1 / fps
        self._due = self._last = 0.0
        self._intervals = 1  # each counts 1/fps at most: a silence is no frame rate
        self._sum = min(1 / source_fps, self._step) if source_fps else self._step
        self._kept = 0

    def keeps(self, seconds: float) -> bool:
        """Whether the frame at that time is kept; times rise from call to call."""
        if seconds > 0:
            self._sum += min(seconds - self._last, self._step)
            self._intervals += 1
        self._last = seconds
        if seconds < self._due - self._sum / self._intervals / 2:
            return False
        late = seconds - self._due
        self._due = (self._due if late < self._step else seconds) + self._step
        self._kept += 1
        return True

    def shortfall(self, seconds: float) -> tuple[str, ...]:
        """A sentence for the user if a clip of that length has fewer frames, on the whole or for a while."""
        if seconds <= 0 or self._kept + 1 >= _NEARLY * (seconds * self._fps + 1):
            return ()
        rate = (self._kept - 1) / seconds
        return (f"{rate:.4g} frames/s are there where {self._fps:.6g} were asked for: none is made up",)
