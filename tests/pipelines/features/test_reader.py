"""Reading features for training: a clip a row, in which part, how many frames are real."""

import numpy as np
import pytest

from posebeam.pipelines.features.reader import FeatureReader
from posebeam.pipelines.read import WindowReader
from posebeam.transforms.errors import DataError

ROW = 20 * 1280 * 4 + 4


@pytest.fixture(scope="module")
def out(make_features, tmp_path_factory):
    return make_features(tmp_path_factory.mktemp("data") / "out", unread=(6,), row_group=4)


def test_a_clip_is_a_row_with_its_real_frames(out):
    reader = FeatureReader(out)
    x, real = reader.take(np.arange(len(reader)))
    assert x.shape == (3 * 8 * 2 - 1, 20, 1280)
    assert real.dtype == bool
    assert set(real.sum(1)) == {8, 20}
    assert (x[real] != 0).any(1).all()
    assert not x[~real].any()
    assert len(set(reader.clips)) == len(reader)
    assert reader.classes == ("lift", "rest", "spread")
    assert not reader.starts.any()


def test_rows_come_in_the_order_asked_for_within_any_memory(out):
    whole, _ = FeatureReader(out).take(np.arange(47))
    reader = FeatureReader(out, memory=8 * ROW)
    rows = np.flatnonzero(reader.parts(2) == "train")
    order = reader.shuffled(rows, np.random.default_rng(0))
    assert sorted(order.tolist()) == rows.tolist()
    assert order.tolist() != rows.tolist()
    for first in range(0, len(order), 5):
        some = order[first : first + 5]
        assert np.array_equal(reader.take(some)[0], whole[some])
        assert reader.held_bytes <= 8 * ROW


def test_clips_that_could_not_be_read_are_told(out):
    silent = FeatureReader(out).silent
    assert silent.groups.tolist() == ["g2"]
    assert silent.parts(2).tolist() == ["test"]


def test_what_holds_no_features_is_refused(make_windows, out, tmp_path):
    windows = make_windows(tmp_path / "windows", groups=2)
    with pytest.raises(DataError, match="holds no features: posebeam build with --features NAME makes them"):
        FeatureReader(windows)
    with pytest.raises(DataError, match="holds no windows: it was built without poses"):
        WindowReader(out)
