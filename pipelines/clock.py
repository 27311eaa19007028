"""Clock: when each frame of a clip is shown, whatever its container says."""

import math

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
