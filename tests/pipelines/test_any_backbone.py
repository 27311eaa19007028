"""Whatever the backbone, a build ends in the same n x 30 x 52."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pyarrow.parquet as pq
import pytest
import torch

from posebeam.models import registry
from posebeam.models.backbone import Backbone
from posebeam.pipelines.build import build
from posebeam.pipelines.clip import ClipRef
from posebeam.pipelines.job import Job
from posebeam.pipelines.listing import Listing
from posebeam.pipelines.manifest import read_manifest
from posebeam.pipelines.settings import PoseSettings, Settings
from posebeam.transforms.windows import WindowRule

CPU = torch.device("cpu")
# The full size takes minutes a frame.
SMALLER = {"prtr-sequential-r50": {"persons": 4, "joint_queries": 20, "layers": 1, "feedforward": 64}}
SILENT = {"openpose-body"}  # with made-up weights it finds nobody


def one_of_each_family() -> list[str]:
    """The cheapest row of each network that estimates people."""
    rows = sorted((row for row in registry.rows() if row.view != "detector"), key=lambda row: -row.macs)
    return sorted({row.network: row.name for row in rows}.values())


@pytest.fixture(scope="module")
def clip(tmp_path_factory) -> ClipRef:
    """Two frames of somebody."""
    with np.load(Path(__file__).parents[1] / "models" / "golden" / "movenet.npz") as file:
        person = file["picture"]
    path = tmp_path_factory.mktemp("source") / "wave.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 25.0, person.shape[1::-1])
    for shift in (0, 4):
        writer.write(np.roll(person, shift, 1)[..., ::-1])
    writer.release()
    return ClipRef(str(path), "wave.avi", "wave", "g0", "train", path.stat().st_size)


def made(name: str) -> Backbone:
    """The row's estimator; with made-up weights it keeps whatever the network says."""
    row = registry.row(name)
    if row.weights and row.weights.embedded:
        return registry.load_estimator(name, device="cpu")
    row = replace(row, min_score=0.0, min_person=0.0, input=(64, 96) if name in SMALLER else row.input)
    detector = registry.load_detector(row.detector, device="cpu") if row.detector else None
    return registry.estimator_of(
        row, registry.build_network(name, **SMALLER.get(name, {})), CPU, detector=detector
    )


@pytest.mark.parametrize("name", one_of_each_family())
def test_windows_are_n_x_30_x_52(name, clip, tmp_path, monkeypatch):
    estimator = made(name)
    monkeypatch.setattr(Job, "load_estimator", lambda job: estimator)
    poses = PoseSettings("videos", name, "0" * 64, shards=1)
    build(
        Listing((clip,)), Settings(poses, WindowRule(min_score=estimator.min_score, short="pad")), tmp_path / "out"
    )
    manifest = read_manifest(tmp_path / "out")
    assert (manifest["clips"]["built"], manifest["config"]["backbone"]) == (1, name)
    (path,) = (tmp_path / "out" / "windows").glob("train-*.parquet")
    table = pq.read_table(path)
    x = np.array(table["x"].to_pylist(), np.float32).reshape(-1, 30, 52)
    assert table.schema.field("x").type.list_size == 30 * 52
    assert (len(x) > 0) == (name not in SILENT)
    assert np.isfinite(x).all()
    assert table.schema.metadata[b"posebeam.backbone"].decode() == name
