"""The shards open in the tools that people use."""

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow.dataset as ds
import pytest

from posebeam.pipelines.build import build
from posebeam.pipelines.job import Job
from posebeam.pipelines.listing import Listing
from posebeam.pipelines.manifest import read_manifest
from posebeam.pipelines.settings import PoseSettings, Settings
from posebeam.transforms.windows import WindowRule


@pytest.fixture
def out(clips, broken, stub, monkeypatch, tmp_path):
    monkeypatch.setattr(Job, "load_estimator", lambda self: stub())
    settings = Settings(PoseSettings("videos", "movenet-lightning", "0" * 64, shards=2), WindowRule(min_score=0.2))
    build(Listing((*clips, broken)), settings, tmp_path / "out")
    return tmp_path / "out"


@pytest.fixture
def rows(out):
    return read_manifest(out)["rows"]


def test_datasets(out, rows, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    from datasets import load_dataset

    windows = load_dataset(str(out), "windows", cache_dir=str(tmp_path / "cache"))
    assert {name: len(part) for name, part in windows.items()} == {
        "train": rows["windows/train"], "test": rows["windows/test"],
    }  # fmt: skip
    batch = windows["train"].with_format("numpy")[:2]
    assert batch["x"].shape == (2, 1560)
    assert batch["valid"].dtype == bool
    poses = load_dataset(str(out), "poses", cache_dir=str(tmp_path / "cache"))
    assert len(poses["test"]) == rows["poses/test"]
    refused = load_dataset(str(out), "rejected", cache_dir=str(tmp_path / "cache"))
    assert {name: len(part) for name, part in refused.items()} == {"train": 1}  # test has no row there


def test_duckdb(out, rows):
    query = f"select count(*), min(len(x)) from read_parquet('{out}/windows/train-*.parquet')"
    assert duckdb.sql(query).fetchall() == [(rows["windows/train"], 1560)]
    ((reason,),) = duckdb.sql(f"select reason from read_parquet('{out}/rejected/*.parquet')").fetchall()
    assert reason


def test_pandas_and_polars_and_pyarrow(out, rows):
    files = sorted((out / "windows").glob("train-*.parquet"))
    frame = pd.concat([pd.read_parquet(file) for file in files])
    lazy = pl.scan_parquet(out / "windows" / "train-*.parquet").collect()
    table = ds.dataset(files).to_table()
    assert len(frame) == len(lazy) == len(table) == rows["windows/train"]
    x = np.stack(frame["x"])
    assert np.array_equal(x, lazy["x"].to_numpy())
    assert np.array_equal(x, np.stack(table["x"].to_numpy()))
