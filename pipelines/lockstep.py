"""Lockstep: the one loop from frames to people, for many clips side by side.

It knows neither Beam nor any backbone. Clips advance together, a frame a step where the backbone wants a
hint from the frame before, so that a batch is full although each clip's frames depend on one another.
Which frames share a batch follows from the clips alone, never from timing.
"""

from collections import deque
from collections.abc import Callable, Hashable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from posebeam.models.estimator import Estimator
from posebeam.pipelines.clip import ClipRef
from posebeam.pipelines.decode import DecodeReport, Frame
from posebeam.pipelines.fill import Fill
from posebeam.pipelines.prefetch import Prefetch
from posebeam.transforms.errors import ClipError, EstimateError
from posebeam.transforms.people import People

MAX_NOT_FINITE = 0.05  # share of a clip's frames


@dataclass(frozen=True)
class Seen:
    """One frame was estimated."""

    ref: ClipRef
    frame: Frame
    people: People


@dataclass(frozen=True)
class Ended:
    """A clip was read to its end. not_finite counts its frames whose output was not finite."""

    ref: ClipRef
    report: DecodeReport
    not_finite: int


@dataclass(frozen=True)
class Failed:
    """A clip is unusable; frames of it may have been seen before."""

    ref: ClipRef
    error: ClipError


Event = Seen | Ended | Failed
Opener = Callable[[ClipRef], Prefetch]
FirstHint = Callable[[ClipRef], Hashable | None]


@dataclass(eq=False)
class _Lane:
    """One clip on its way."""

    ref: ClipRef
    frames: Prefetch
    hint: Hashable | None = None
    seen: int = 0
    not_finite: int = 0


_Batch = list[tuple[_Lane, Frame]]


class _Cohort:
    """Clips whose frames share batches: each sits in a seat until its end, then the next one takes it."""

    def __init__(self, slots: int, open_clip: Opener, estimator: Estimator, first_hint: FirstHint | None):
        self._seats: list[_Lane | None] = [None] * slots
        self._open, self._first_hint = open_clip, first_hint
        self._estimator = estimator
        self._endings: list[tuple[_Lane, ClipError | None]] = []  # of clips whose last frames are in flight

    def gather(self, waiting: deque[ClipRef]) -> _Batch:
        """The next batch, a frame a seat in turn: one turn where frames wait for hints, else until it is full."""
        batch: _Batch = []
        hints, most = self._estimator.wants_hints, self._estimator.batch_size
        while len(batch) < most:
            before = len(batch)
            for seat in range(len(self._seats)):
                batch += self._next(seat, waiting) if len(batch) < most else []
            if hints or len(batch) == before:
                break
        return batch

    def _next(self, seat: int, waiting: deque[ClipRef]) -> _Batch:
        """The seat's next frame, from the next clip if its own has ended; nothing when no clip is left."""
        while True:
            lane = self._seats[seat]
            if lane is None:
                if not waiting:
                    return []
                ref = waiting.popleft()
                hint = self._first_hint(ref) if self._first_hint else None
                lane = self._seats[seat] = _Lane(ref, self._open(ref), hint)
            try:
                frame = next(lane.frames, None)
            except ClipError as error:
                self._endings.append((lane, error))
            else:
                if frame is not None:
                    return [(lane, frame)]
                self._endings.append((lane, None))
            self._leave(seat)

    def deliver(self, batch: _Batch, people: list[People]) -> Iterator[Event]:
        """What was seen in a batch, each lane's hint for its next frame, and the clips that ended with it."""
        for (lane, frame), seen in zip(batch, people, strict=True):
            lane.seen += 1
            lane.not_finite += not seen.finite
            if self._estimator.wants_hints:
                height, width = frame.rgb.shape[:2]
                lane.hint = self._estimator.next_hint(seen, (height, width))
            yield Seen(lane.ref, frame, seen)
        endings, self._endings = self._endings, []
        for lane, error in endings:
            yield _ending(lane) if error is None else Failed(lane.ref, error)

    def _leave(self, seat: int) -> None:
        lane, self._seats[seat] = self._seats[seat], None
        if lane is not None:
            lane.frames.close()

    def close(self) -> None:
        """Let go of all clips."""
        for seat in range(len(self._seats)):
            self._leave(seat)


def _ending(lane: _Lane) -> Event:
    if lane.not_finite > MAX_NOT_FINITE * lane.seen:
        reason = f"the network's output was not finite for {lane.not_finite} of {lane.seen} frames"
        return Failed(lane.ref, EstimateError(reason))
    return Ended(lane.ref, lane.frames.report, lane.not_finite)


def lockstep(
    refs: Iterable[ClipRef],
    open_clip: Opener,
    estimator: Estimator,
    slots: int,
    fill: Fill | None = None,
    first_hint: FirstHint | None = None,
) -> Iterator[Event]:
    """Estimate every frame of the clips, taken in the order given; yield what happens.

    first_hint is what is known of a clip's first frame before it is seen: boxes of its people.

    On a GPU two cohorts alternate: while one's results are read back, the other's batch is computed.
    A ClipError ends its clip; any other exception is a bug and ends the loop.
    """
    waiting = deque(refs)
    side_by_side = 2 if estimator.device_kind == "cuda" else 1
    cohorts = [_Cohort(slots, open_clip, estimator, first_hint) for _ in range(side_by_side)]
    fill = fill if fill is not None else Fill()
    fill.slots = slots if estimator.wants_hints else estimator.batch_size
    running: deque[tuple[_Cohort, _Batch, Future[list[People]]]] = deque()
    pool = ThreadPoolExecutor(len(cohorts), "estimate")
    ready = deque(cohorts)
    try:
        while ready or running:
            while ready:
                cohort = ready.popleft()
                batch = cohort.gather(waiting)
                if not batch:
                    yield from cohort.deliver([], [])
                else:
                    fill.frames, fill.steps = fill.frames + len(batch), fill.steps + 1
                    frames, hints = [frame.rgb for _, frame in batch], [lane.hint for lane, _ in batch]
                    running.append((cohort, batch, pool.submit(estimator, frames, hints)))
            if running:
                cohort, batch, future = running.popleft()
                yield from cohort.deliver(batch, future.result())
                ready.append(cohort)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
        for cohort in cohorts:
            cohort.close()
