"""Driver: builds in a process of its own, with a backbone that costs nothing; what the checks kill and measure."""

import json
import sys
import time
from collections.abc import Hashable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from posebeam.pipelines import build as building
from posebeam.pipelines.job import Job
from posebeam.pipelines.settings import PoseSettings, Settings
from posebeam.pipelines.sources.videos import list_clips
from posebeam.transforms.people import People
from posebeam.transforms.skeleton import skeleton
from posebeam.transforms.windows import WindowRule

BATCH = 8
_SPREAD = np.stack([np.arange(17) * 3 % 11, np.arange(17)], 1).astype(np.float32)  # [17, 2]


class NeighbourlyEstimator:
    """One person a frame, where its colour says; moved a little by the hint and by all frames of the batch.

    So a frame that shares its batch with others, or comes after others, is another pose: what holds for this
    backbone's bytes holds for one whose rounding depends on the batch.
    """

    name, min_score, several, device_kind, halvings, wants_hints = "stub", 0.2, False, "cpu", 0, True

    def __init__(self, batch_size: int = BATCH, seconds: float = 0.0, neighbourly: bool = True):
        self.skeleton, self.batch_size = skeleton("coco17"), batch_size
        self._seconds, self._neighbourly = seconds, neighbourly

    def __call__(self, frames: Sequence[np.ndarray], hints: Sequence[Hashable | None]) -> list[People]:
        time.sleep(self._seconds)
        colours = [float(frame[::4, ::4].mean()) for frame in frames]
        moved = sum(colours) % 13 + len(colours) if self._neighbourly else 0.0
        return [self._person(colour, moved, hint) for colour, hint in zip(colours, hints, strict=True)]

    def _person(self, colour: float, moved: float, hint: Hashable | None) -> People:
        place = colour + moved / 64 + (hint if isinstance(hint, float) else 0.5)
        xy = (_SPREAD * (1 + colour / 64) + place).astype(np.float32)[None]
        box = np.array([[place, place, place + 16, place + 16]], np.float32)
        return People("coco17", xy, np.full((1, 17), 0.9, np.float32), box)

    def next_hint(self, people: People, size: tuple[int, int]) -> Hashable | None:
        return float(people.xy[0, 0, 0]) % 1 if len(people) else None


SECONDS = 0.0  # that the stub takes for a batch
FRAME_BYTES = 4 << 20  # that are decoded ahead: small as the frames are, so that a short clip fills it too


class StubJob(Job):
    """A job whose workers load the stub. Classes of this program travel to them by value."""

    @classmethod
    def of(cls, *args: Any) -> "StubJob":
        return replace(super().of(*args), frame_bytes=FRAME_BYTES)

    def load_estimator(self) -> NeighbourlyEstimator:
        return NeighbourlyEstimator(self.settings.poses.batch_size, SECONDS)


def settings(shards: int = 0, stride: int = 15) -> Settings:
    """A configuration that the stub satisfies."""
    poses = PoseSettings("videos", "movenet-lightning", "0" * 64, batch_size=BATCH, shards=shards)
    return Settings(poses, WindowRule(min_score=0.2, stride=stride))


def slow_disk(seconds: float) -> None:
    """Files lie unfinished for a while, so that whoever can see one of them does: between a Parquet file's rows
    and its footer, and in the middle of a text.
    """
    close, write_text = pq.ParquetWriter.close, Path.write_text

    def slow_close(self: pq.ParquetWriter) -> None:
        if self.is_open:
            time.sleep(seconds)
        close(self)

    def slow_text(self: Path, text: str, *args: str, **options: str) -> int:
        write_text(self, text[: len(text) // 2], *args, **options)
        time.sleep(seconds)
        return write_text(self, text, *args, **options)

    pq.ParquetWriter.close, Path.write_text = slow_close, slow_text


def build(source: Path, out: Path, shards: int = 0, workers: int = 1, stride: int = 15) -> building.Built:
    """One build of a folder of videos."""
    return building.build(list_clips(source), settings(shards, stride), out, workers=workers)


def main() -> None:
    """The tasks of sys.argv[1], build's arguments, seconds, slow_disk; a line of output for each."""
    global SECONDS
    building.Job = StubJob
    print(json.dumps({"ready": True}), flush=True)
    for task in json.loads(sys.argv[1]):
        SECONDS = task.pop("seconds", 0.0)
        if pause := task.pop("slow_disk", 0):
            slow_disk(pause)
        built = build(Path(task.pop("source")), Path(task.pop("out")), **task)
        print(json.dumps({"clips": built.manifest["clips"], "skipped": built.skipped, **built.run}), flush=True)


if __name__ == "__main__":
    main()
