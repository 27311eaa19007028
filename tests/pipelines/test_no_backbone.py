"""A data set without poses: no network is loaded, every clip is still listed, and what needs poses says so."""

from dataclasses import replace

import pyarrow.parquet as pq
import pytest

from posebeam.models import registry
from posebeam.pipelines import job
from posebeam.pipelines.build import build
from posebeam.pipelines.check import check
from posebeam.pipelines.coco.results import export_results
from posebeam.pipelines.listing import Listing
from posebeam.pipelines.manifest import read_manifest
from posebeam.pipelines.pickles.export_pyskl import export_pyskl
from posebeam.pipelines.read import WindowReader
from posebeam.pipelines.rewindow import rewindow
from posebeam.pipelines.settings import PoseSettings, Settings
from posebeam.pipelines.stored import read_clip
from posebeam.transforms.errors import ConfigError, DataError
from posebeam.transforms.windows import WindowRule

SETTINGS = Settings(PoseSettings("videos", "", "", crop_following=False, shards=2), WindowRule(min_score=0.0))


def refuse(*args, **kwargs):
    raise AssertionError("a network was asked for")


@pytest.fixture
def done(clips, broken, tmp_path, monkeypatch):
    for name in ("load_estimator", "row"):
        monkeypatch.setattr(registry, name, refuse)
    monkeypatch.setattr(job, "load_estimator", refuse)
    out = tmp_path / "out"
    build(Listing((*clips, broken)), SETTINGS, out)
    return out


def test_every_clip_is_listed_and_nobody_is_in_it(done, clips):
    manifest = read_manifest(done)
    assert {file["product"] for file in manifest["files"]} == {"clips", "rejected"}
    assert manifest["clips"] == {"listed": 11, "built": 10, "rejected": 1, "missing": 0}
    rows = [row for path in (done / "clips").glob("*") for row in pq.read_table(path).to_pylist()]
    assert sorted(row["clip_id"] for row in rows if not row["rejected"]) == [ref.clip_id for ref in clips]
    assert sum(row["frames"] for row in rows) == manifest["frames"] == sum(31 + 2 * n for n in range(10))
    assert {(row["people"], row["windows"]) for row in rows} == {(0, 0)}
    assert check(done) == []
    assert "no poses" in (done / "README.md").read_text()


def test_no_file_names_a_backbone(done):
    for path in done.glob("*/*.parquet"):
        assert not {b"posebeam.backbone", b"posebeam.skeleton"} & pq.read_schema(path).metadata.keys()
    assert read_manifest(done)["config"]["skeleton"] == ""


@pytest.mark.parametrize(
    "wants", [
        lambda out, new: rewindow(out, new, WindowRule(min_score=0.2)),
        lambda out, new: WindowReader(out),
        lambda out, new: read_clip(out, "left/0.avi"),
        lambda out, new: export_pyskl(out, new / "a.pkl"),
        lambda out, new: export_results(out, new / "a.json"),
    ],
)  # fmt: skip
def test_what_needs_poses_says_that_there_are_none(done, tmp_path, wants):
    with pytest.raises(DataError, match=r"holds no (poses|windows)"):
        wants(done, tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_flags_that_say_how_poses_are_made_need_a_backbone():
    with pytest.raises(ConfigError, match="give a backbone"):
        replace(SETTINGS.poses, detector="detr-r50")
