"""What all imports have in common: they go on where one was interrupted, and leave nothing of clips of before."""

from functools import partial
from pathlib import Path

import numpy as np
import pytest

from posebeam.pipelines.check import check
from posebeam.pipelines.clip import ClipRef
from posebeam.pipelines.imports.imported import import_data, imported_settings
from posebeam.pipelines.imports.tracks import TrackedClip, write_tracks
from posebeam.pipelines.listing import Listing
from posebeam.transforms.track import PoseTrack
from posebeam.transforms.windows import WindowRule

SETTINGS = imported_settings("pyskl", "pyskl", WindowRule(min_score=0.2))
FRAMES = 4


def listing(clips: int) -> Listing:
    return Listing(
        tuple(ClipRef("", f"wave/{number}", "wave", f"g{number}", "train", 0) for number in range(clips))
    )


def open_clip(ref: ClipRef) -> TrackedClip:
    """Somebody who was seen in every frame."""
    xy = np.random.default_rng(len(ref.clip_id)).uniform(20, 200, (FRAMES, 17, 2)).astype(np.float32)
    frames, score = np.arange(FRAMES, dtype=np.int32), np.full((FRAMES, 17), 0.9, np.float32)
    return TrackedClip(FRAMES, (320, 240), lambda: [PoseTrack(ref.clip_id, 0, "coco17", frames, xy, score)])


def files(out: Path) -> dict[str, bytes]:
    return {str(path.relative_to(out)): path.read_bytes() for path in out.rglob("*") if path.is_file()}


def test_an_interrupted_import_of_other_clips_leaves_no_shard(tmp_path, monkeypatch):
    """Two shards were planned, and one is written, when the user stops it and takes clips away."""
    monkeypatch.setattr("posebeam.pipelines.plan.CLIPS_PER_SHARD", 2)
    out, whole = tmp_path / "out", tmp_path / "whole"

    def stopped(job, name, refs):
        if name.index:
            raise KeyboardInterrupt
        return write_tracks(open_clip, "coco17", 25.0, out, job, name, refs)

    with pytest.raises(KeyboardInterrupt):
        import_data(listing(4), SETTINGS, "coco17", out, stopped)
    assert (out / "windows/train-00000-of-00002.parquet").exists()
    for folder in (out, whole):
        write = partial(write_tracks, open_clip, "coco17", 25.0, folder)
        import_data(listing(2), SETTINGS, "coco17", folder, write)
    assert check(out) == []
    assert files(out) == files(whole)
