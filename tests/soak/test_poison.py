"""Check 6: batches that come back as NaN or do not fit into memory. Healthy frames are all there, no NaN is."""

import json
from pathlib import Path

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from posebeam.models import registry
from posebeam.pipelines.build import build
from posebeam.pipelines.check import check
from posebeam.pipelines.settings import PoseSettings, Settings
from posebeam.pipelines.sources.videos import list_clips
from posebeam.transforms.windows import WindowRule

SIDE = 192  # what the network sees, so that marks arrive as they were painted
NAN, MEMORY = (255, 0, 255), (0, 255, 255)  # RGB of the mark in the top left corner
POISONED = (7, 20)  # frames of a clip; the one whose number is 0 has more
LARGE = (3, 28)


def people(path: Path, count: int) -> list[np.ndarray]:
    """The first frames of a real clip, BGR [192, 192, 3], black where the clip is not square."""
    video, frames = cv2.VideoCapture(str(path)), []
    for _ in range(count):
        picture = video.read()[1]
        scale = SIDE / max(picture.shape[:2])
        small = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        frames.append(np.zeros((SIDE, SIDE, 3), np.uint8))
        frames[-1][: len(small), : small.shape[1]] = small
    return frames


@pytest.fixture(scope="module")
def source(size, media, film, tmp_path_factory):
    """Real clips with marks in some frames; in clip 0 every second one is marked as NaN."""
    folder, wanted = tmp_path_factory.mktemp("poison"), size("poison")
    for number, path in enumerate(sorted((media / "actions").glob("*/*"))[-wanted["clips"] :]):
        frames = people(path, wanted["frames"])
        for index in range(1, len(frames), 2) if number == 0 else POISONED:
            frames[index][:16, :16] = NAN[::-1]
        for index in LARGE:
            frames[index][:16, :16] = MEMORY[::-1]
        film(folder / "train/act" / f"{number}.avi", frames, "FFV1")
    return folder


def marked(x: torch.Tensor, mark: tuple[int, int, int]) -> list[int]:
    """Which images [b, 3, H, W] bear the mark."""
    corner = x[:, :, 4:12, 4:12] - torch.tensor(mark, dtype=x.dtype)[:, None, None]
    return [index for index, off in enumerate(corner.abs().amax((1, 2, 3)).tolist()) if off < 3]


def poison(*given, real=registry.network_for) -> torch.nn.Module:
    """What really runs, which fails at images that bear a mark, as a GPU does."""
    network = real(*given)

    def too_large(module, args):
        if len(args[0]) > 1 and marked(args[0], MEMORY):
            raise torch.OutOfMemoryError("CUDA out of memory")

    def not_finite(module, args, output):
        for index in marked(args[0], NAN):
            for maps in output:
                maps[index].fill_(float("nan"))

    network.register_forward_pre_hook(too_large)
    network.register_forward_hook(not_finite)
    return network


def built(source: Path, out: Path):
    poses = PoseSettings(
        "videos", registry.DEFAULT, registry.weights_sha256(registry.DEFAULT), crop_following=False, batch_size=4
    )
    return build(list_clips(source), Settings(poses, WindowRule(min_score=0.2)), out)


def frames_of(out: Path) -> dict[tuple[str, int], np.ndarray]:
    """xy [17, 2] by clip and frame."""
    table = pa.concat_tables([pq.read_table(path) for path in sorted((out / "poses").iterdir())])
    return {
        (row["clip_id"], frame): xy
        for row in table.to_pylist()
        for frame, xy in zip(row["frames"], np.reshape(row["xy"], (-1, 17, 2)), strict=True)
    }


def test_a_poisoned_batch_costs_its_poisoned_frames_only(source, promised, tmp_path, monkeypatch, figure):
    """Frames that share a batch with a poisoned one would be missing, or moved, or not finite."""
    built(source, tmp_path / "healthy")
    monkeypatch.setattr(registry, "network_for", poison)
    runs = [built(source, tmp_path / name) for name in ("poisoned", "again")]
    assert promised(tmp_path / "poisoned") == promised(tmp_path / "again"), "retries follow from the frames"
    healthy, poisoned = frames_of(tmp_path / "healthy"), frames_of(tmp_path / "poisoned")
    clips = {clip for clip, _ in healthy}
    expected = {(clip, frame) for clip, frame in healthy if "0.avi" not in clip and frame not in POISONED}
    assert poisoned.keys() == expected
    assert max(np.abs(poisoned[key] - healthy[key]).max() for key in expected) < 0.01  # of a pixel, batch 1 and 2
    (manifest, receipts) = runs[0].manifest, runs[0].receipts
    assert (manifest["clips"]["built"], manifest["clips"]["rejected"]) == (len(clips) - 1, 1)
    assert manifest["not_finite"] == len(POISONED) * (len(clips) - 1)
    halvings = sum(receipt.halvings for receipt in receipts)
    assert halvings >= len(LARGE)
    assert check(tmp_path / "poisoned") == [], "a value that is not finite is a finding"
    rejected = pq.read_table(next((tmp_path / "poisoned/rejected").iterdir())).to_pylist()
    assert [row["stage"] for row in rejected] == ["estimate"]
    assert json.loads((tmp_path / "poisoned/manifest.json").read_text()) == manifest
    figure(
        "6 poisoned batches", f"{manifest['not_finite']} frames NaN, {halvings} batches out of memory: "
        f"{len(expected)} of {len(expected)} healthy frames there, none moved, no NaN in the data",
        not_finite=manifest["not_finite"], halvings=halvings, healthy=len(expected),
    )  # fmt: skip
