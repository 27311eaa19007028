"""Check 1: corrupt files among good ones. All good ones are there to the last byte, the others by name."""

import io
import json
import random
import shutil
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from posebeam.pipelines.job import Job
from posebeam.workflows.cli import run as posebeam

BATCH = 2  # clips // 4 reaches it with the corrupt ones and without: the same frames share a batch in both runs


def zipped(rest: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:  # stored, FFmpeg would find the clip in it
        archive.writestr("clip.avi", rest)
    return file.getvalue()


# How a good file (its bytes, a die) becomes one without a single frame that can be decoded.
CORRUPT = {
    "empty": lambda good, die: b"",
    "one byte": lambda good, die: good[:1],
    "text": lambda good, die: b"404 not found\n" * die.randint(1, 999),
    "page": lambda good, die: b"<!DOCTYPE html><html><body>too many requests</body></html>",
    "noise": lambda good, die: die.randbytes(die.randint(1, 20_000)),
    "zeros": lambda good, die: bytes(len(good)),
    "no head": lambda good, die: die.randbytes(good.index(b"movi")) + good[good.index(b"movi") :],
    "head only": lambda good, die: good[: good.index(b"movi") + 4],
    "half a head": lambda good, die: good[: die.randint(20, good.index(b"strf"))],
    "noise for frames": lambda good, die: good[: good.index(b"movi") + 4] + die.randbytes(3000),
    "zip": lambda good, die: zipped(good),
    "picture": lambda good, die: cv2.imencode(".png", np.zeros((9, 9), np.uint8))[1].tobytes()[:-20],
    "backwards": lambda good, die: good[::-1],
}


@pytest.fixture(scope="module")
def source(size, media, film, tmp_path_factory):
    """mixed/ with good and corrupt files, clean/ with the good ones only. The good ones show people."""
    folder, wanted, die = tmp_path_factory.mktemp("corrupt"), size("corrupt"), random.Random(1)
    films = [read(path) for path in sorted((media / "actions").glob("*/*"))]
    for number in range(wanted["good"]):
        frames = films[number % len(films)][number // len(films) :][: wanted["frames"]]
        path = f"{('train', 'test')[number % 2]}/{('left', 'right')[number // 2 % 2]}/good_{number}.avi"
        film(folder / "clean" / path, frames)
    shutil.copytree(folder / "clean", folder / "mixed")
    goods = sorted((folder / "clean").rglob("*.avi"))
    for number in range(wanted["corrupt"]):
        like, (kind, spoil) = goods[number % len(goods)], list(CORRUPT.items())[number % len(CORRUPT)]
        path = folder / "mixed" / like.relative_to(folder / "clean").with_name(f"{kind}_{number}.avi")
        path.write_bytes(spoil(like.read_bytes(), die))
    return folder


def read(path: Path) -> list[np.ndarray]:
    """A video's frames, BGR, at most 192 wide."""
    video, frames = cv2.VideoCapture(str(path)), []
    while (got := video.read())[0]:
        scale = 192 / got[1].shape[1]
        frames.append(cv2.resize(got[1], None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA))
    return frames


def build(source: Path, out: Path, *flags: str) -> int:
    return posebeam(
        ["build", "videos", str(source), str(out), "--device", "cpu", "--batch-size", str(BATCH), *flags]
    )


def rows(out: Path, product: str) -> dict[str, pa.Table]:
    """A product's rows by clip, whatever the shard."""
    table = pa.concat_tables([pq.read_table(path) for path in sorted((out / product).iterdir())])
    table = table.replace_schema_metadata()
    return {name: table.filter(pc.equal(table["clip_id"], name)) for name in set(table["clip_id"].to_pylist())}


def test_good_clips_are_the_same_bytes_and_corrupt_ones_are_named(source, size, tmp_path, capsys, figure):
    """With as many shards in both runs a good clip's shard holds the same good clips: whole files are compared.

    A corrupt file that left a row, took a good one's place, or moved the batches would change a file.
    """
    good, corrupt = size("corrupt")["good"], size("corrupt")["corrupt"]
    assert build(source / "clean", tmp_path / "clean", "--shards", "2") == 0
    capsys.readouterr()
    assert build(source / "mixed", tmp_path / "mixed", "--shards", "2", "--max-rejects", "1", "--json") == 0
    facts = json.loads(capsys.readouterr().out)
    assert (facts["listed"], facts["built"], facts["rejected"]) == (good + corrupt, good, corrupt)
    compared = sorted(
        path.relative_to(tmp_path / "clean") for path in (tmp_path / "clean").glob("[pw]*/*.parquet")
    )
    for path in compared:
        assert (tmp_path / "mixed" / path).read_bytes() == (tmp_path / "clean" / path).read_bytes(), path
    refused = rows(tmp_path / "mixed", "rejected")
    assert len(refused) == corrupt
    assert all("good" not in name and table["reason"][0].as_py() for name, table in refused.items())
    assert len(rows(tmp_path / "mixed", "windows")) > good / 2, "too few people were seen to compare anything"
    assert posebeam(["check", str(tmp_path / "mixed")]) == 0
    figure(
        "1 corrupt files", f"{corrupt} corrupt among {good} good: all rejected by name, {len(compared)} files "
        "byte-identical to those of the good ones alone", good=good, corrupt=corrupt, files=len(compared),
    )  # fmt: skip


def test_other_shards_move_no_row(source, driver, tmp_path, monkeypatch):
    """As by default, more files make more shards: then each clip's rows are compared, by a backbone for which
    neighbours in the batch do not matter.
    """
    monkeypatch.setattr(Job, "load_estimator", lambda job: driver.NeighbourlyEstimator(neighbourly=False))
    assert build(source / "clean", tmp_path / "clean", "--shards", "1") == 0
    assert build(source / "mixed", tmp_path / "mixed", "--shards", "3", "--max-rejects", "1") == 0
    for product in ("poses", "windows"):
        clean, mixed = rows(tmp_path / "clean", product), rows(tmp_path / "mixed", product)
        assert len(clean) == len(list((source / "clean").rglob("good_*")))
        assert clean == mixed
