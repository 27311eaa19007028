"""Estimator: a pose backbone with its weights, for pictures and videos of one's own."""

from collections.abc import Iterator, Sequence
from functools import partial
from os import PathLike, fspath
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from posebeam.models.registry import DEFAULT, load_estimator
from posebeam.pipelines.clip import ClipRef
from posebeam.pipelines.decode import Frame, open_clip
from posebeam.pipelines.job import FRAME_BYTES
from posebeam.pipelines.lockstep import Failed, Seen, lockstep
from posebeam.pipelines.prefetch import Prefetch
from posebeam.pipelines.stores.fetched import opener
from posebeam.transforms.errors import ConfigError
from posebeam.transforms.people import People
from posebeam.transforms.skeleton import Skeleton

_STALL_SECONDS = 60.0


class Estimator:
    """A backbone by its name (posebeam.backbones() lists them), or the run folder of one that was trained.

    Called with frames it looks at each by itself; `video` follows a file's people from frame to frame.
    ConfigError for a name, device or way that is not there; WeightsError if its weights cannot be had.
    """

    def __init__(
        self, name: str = DEFAULT, *, device: str = "auto", weights: str | PathLike[str] | None = None,
        batch_size: int = 32, decode: str = "", detector: str = "", flip: bool = False,
    ) -> None:  # fmt: skip
        """The flags of the same names of posebeam build."""
        self._backbone = load_estimator(
            name, device=device, weights=Path(weights) if weights else None, batch_size=batch_size, decode=decode,
            detector=detector, flip=flip,
        )  # fmt: skip
        self.name = self._backbone.name

    @property
    def skeleton(self) -> Skeleton:
        """Names of the K joints, in the order of People.xy."""
        return self._backbone.skeleton

    @property
    def min_score(self) -> float:
        """A joint scored lower counts as missing."""
        return self._backbone.min_score

    def __call__(self, frames: Sequence[NDArray[np.uint8]]) -> list[People]:
        """People of each frame, in order and in its own pixels; frames are uint8 RGB [H, W, 3] of any sizes."""
        for number, frame in enumerate(frames):
            _require_picture(number, frame)
        size = self._backbone.batch_size
        batches = [frames[first : first + size] for first in range(0, len(frames), size)]
        return [people for batch in batches for people in self._backbone(batch, [None] * len(batch))]

    def video(self, path: str | PathLike[str], fps: float | None = None) -> Iterator[tuple[Frame, People]]:
        """Each frame of a video (number, seconds, rgb) with its people, seen as posebeam build sees them.

        fps leaves frames out so that at most that many a second remain. DecodeError if it is no readable video,
        or ends in a way that nothing can be said of.
        """
        uri = fspath(path)
        ref = ClipRef(uri, uri, "", uri, "test", 0)
        opened = Prefetch(opener(uri, partial(open_clip, fps=fps)), FRAME_BYTES // 2, _STALL_SECONDS)
        for event in lockstep([ref], lambda _: opened, self._backbone, slots=1):
            if isinstance(event, Seen):
                yield event.frame, event.people
            elif isinstance(event, Failed):
                raise event.error


def _require_picture(number: int, frame: NDArray[np.uint8]) -> None:
    shape, kind = getattr(frame, "shape", None), getattr(frame, "dtype", type(frame).__name__)
    if shape is None or len(shape) != 3 or shape[2] != 3 or 0 in shape or kind != np.uint8:
        what = f"{kind} {list(shape)}" if shape is not None else kind
        raise ConfigError(f"frame {number} is {what}, expected a list of pictures, each uint8 RGB [H, W, 3]")
