"""A stub backbone, small videos and references for the pipelines' tests."""

from collections.abc import Callable, Hashable, Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest

from posebeam.models.estimator import Estimator
from posebeam.pipelines.clip import ClipRef
from posebeam.transforms.people import People
from posebeam.transforms.skeleton import skeleton


class StubEstimator:
    """The mean colour of a frame as the place of all joints; its hint counts a clip's frames.

    With several, a larger person stands still beside the first, in two frames of three.
    """

    name, min_score, device_kind, halvings = "stub", 0.2, "cpu", 0

    def __init__(
        self, wants_hints: bool = True, batch_size: int = 8, poison: Callable[[float], bool] | None = None,
        several: bool = False,
    ):  # fmt: skip
        self.skeleton = skeleton("coco17")
        self.wants_hints, self.batch_size = wants_hints, batch_size
        self.several = several
        self.poison = poison or (lambda colour: False)
        self.batches: list[list[tuple[float, Hashable]]] = []

    def __call__(self, frames: Sequence[np.ndarray], hints: Sequence[Hashable | None]) -> list[People]:
        colours = [float(frame.mean()) for frame in frames]
        self.batches.append(list(zip(colours, hints, strict=True)))
        return [self._person(colour) for colour in colours]

    def _person(self, colour: float) -> People:
        if self.poison(colour):
            return People.nobody("coco17", finite=False)
        xy = np.full((1, 17, 2), colour, np.float32) + np.arange(17, dtype=np.float32)[:, None]
        box = np.array([[colour, colour, colour + 16, colour + 16]], np.float32)
        if self.several and round(colour) % 3:
            xy = np.concatenate((3 * xy + 500, xy))
            box = np.concatenate((3 * box + 500, box))
        return People("coco17", xy, np.full((len(xy), 17), 0.9, np.float32), box)

    def next_hint(self, people: People, size: tuple[int, int]) -> Hashable | None:
        return float(people.xy[0, 0, 0]) if len(people) else None


@pytest.fixture
def stub() -> Callable[..., Estimator]:
    return StubEstimator


def write_video(path: Path, frames: int, colour: int) -> None:
    """A lossless little video; frame t has the grey colour + t."""
    path.parent.mkdir(parents=True, exist_ok=True)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"FFV1"), 25.0, (32, 24))
    for t in range(frames):
        writer.write(np.full((24, 32, 3), (colour + t) % 256, np.uint8))
    writer.release()


@pytest.fixture(scope="session")
def clips(tmp_path_factory: pytest.TempPathFactory) -> tuple[ClipRef, ...]:
    """Ten little clips of 31 to 49 frames: two labels, groups, training and test."""
    folder = tmp_path_factory.mktemp("clips")
    refs = []
    for number in range(10):
        label, split = ("left", "right")[number % 2], "test" if number >= 7 else "train"
        clip_id = f"{label}/{number}.avi"
        write_video(folder / clip_id, 31 + 2 * number, 10 * number)
        size = (folder / clip_id).stat().st_size
        refs.append(ClipRef(str(folder / clip_id), clip_id, label, f"g{number}", split, size))
    return tuple(sorted(refs, key=lambda ref: ref.clip_id))


@pytest.fixture
def broken(tmp_path: Path) -> ClipRef:
    """A clip that is no video."""
    path = tmp_path / "broken.avi"
    path.write_bytes(b"RIFF not a video" * 100)
    return ClipRef(str(path), "left/broken.avi", "left", "gx", "train", path.stat().st_size)
