"""COCO's keypoint results in and out: the same numbers both ways, and what is refused."""

import contextlib
import io
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from posebeam.pipelines.check import check
from posebeam.pipelines.coco.results import export_results
from posebeam.pipelines.imports.coco_results import import_results
from posebeam.pipelines.rewindow import rewindow
from posebeam.transforms.chain import chain
from posebeam.transforms.errors import DataError, SourceError
from posebeam.transforms.windows import WindowRule

IMAGES = (30, 10, 20, 40)


def joints(seed: int) -> list[float]:
    """17 joints of COCO's, seen, in hundredths of a pixel."""
    xy = np.random.default_rng(seed).uniform(10, 200, (17, 2)).round(2)
    return np.column_stack([xy, np.full(17, 2)]).ravel().tolist()


def annotate(path: Path) -> Path:
    """Four images, one annotated person in the first three."""
    people = [
        {"id": 7 + number, "image_id": number, "category_id": 1, "keypoints": joints(number), "iscrowd": 0,
         "num_keypoints": 17, "bbox": [10, 10, 190, 190], "area": 30_000.0}
        for number in IMAGES[:3]
    ]  # fmt: skip
    images = [{"id": n, "file_name": f"{n:012d}.jpg", "width": 320, "height": 240} for n in IMAGES]
    path.write_text(
        json.dumps({"images": images, "annotations": people, "categories": [{"id": 1, "name": "person"}]})
    )
    return path


def result(image: int, seed: int, score: float = 0.5, third: float = 1, **more: object) -> dict[str, object]:
    points = np.reshape(joints(seed), (17, 3))
    points[:, 2] = third
    return {"image_id": image, "category_id": 1, "keypoints": points.ravel().tolist(), "score": score, **more}


def bring(root: Path, results: Sequence[object], name: str = "out", **rule: object) -> Path:
    """The results as a data set."""
    (root / "results.json").write_text(json.dumps(results))
    import_results(root / "results.json", annotate(root / "val.json"), root / name, **rule)
    return root / name


def rows(out: Path, product: str = "poses") -> list[dict[str, object]]:
    return [row for path in sorted((out / product).glob("*")) for row in pq.read_table(path).to_pylist()]


HUNDREDTHS = st.integers(-10_000, 500_000).map(lambda number: number / 100)
ENTRIES = st.builds(
    lambda image, xy, score: {
        "image_id": image, "category_id": 1, "score": score,
        "keypoints": [value for x, y in xy for value in (x, y, 1.0)],
    },
    st.sampled_from(IMAGES), st.lists(st.tuples(HUNDREDTHS, HUNDREDTHS), min_size=17, max_size=17),
    st.integers(0, 10**6).map(lambda number: number / 10**6),
)  # fmt: skip


@settings(max_examples=25)
@given(entries=st.lists(ENTRIES, max_size=8))
def test_results_in_hundredths_come_out_as_they_went_in(entries):
    """To the last digit: float32 holds hundredths up to 5,000 pixels; images by their names, people in order."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        out = bring(root, entries)
        assert export_results(out, root / "again.json") == len(entries)
        assert json.loads((root / "again.json").read_text()) == sorted(entries, key=lambda one: one["image_id"])
        assert (root / "again.json").read_bytes() == (out / "coco-results.json").read_bytes()


@pytest.fixture
def out(tmp_path):
    return bring(tmp_path, [result(20, 1, 0.25), result(10, 2)])


def test_it_is_what_a_build_of_coco_leaves(out, tmp_path):
    assert check(out) == []
    manifest = json.loads((out / "manifest.json").read_text())
    assert manifest["clips"] == {"listed": 4, "built": 4, "rejected": 0, "missing": 0}
    assert manifest["rows"] == {"poses/validation": 2, "people/validation": 3, "rejected/validation": 0}
    assert (manifest["config"]["kind"], manifest["config"]["backbone"]) == ("coco", "imported-coco-results")
    first, second = rows(out)
    assert (first["image_id"], first["person_score"], first["width"]) == (10, 0.5, 320)
    assert (second["image_id"], second["person_score"]) == (20, 0.25)
    xy = np.reshape(joints(1), (17, 3))[:, :2] + 0.5
    np.testing.assert_array_equal(np.reshape(second["xy"], (17, 2)), xy.astype(np.float32))
    assert second["box"] == pytest.approx([*xy.min(0), *xy.max(0)])
    norm13, valid = chain("act").norm13(
        np.float32(xy)[None, None].astype(np.float64), np.ones((1, 1, 17), bool), source="coco17",
        layout_name="act13-coco",
    )  # fmt: skip
    np.testing.assert_allclose(np.reshape(second["norm13"], (13, 2)), norm13[0, 0], rtol=1e-6)
    assert second["valid13"] == valid[0, 0].tolist()
    assert "the score that their results give" in (out / "README.md").read_text()
    with pytest.raises(DataError, match="windows need motion"):
        rewindow(out, tmp_path / "new", WindowRule(min_score=0.2))


def test_pycocotools_reads_the_export(tmp_path):
    out = bring(tmp_path, [result(number, number, 0.9) for number in IMAGES[:3]])
    export_results(out, tmp_path / "again.json")
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO(str(tmp_path / "val.json"))
        scored = COCOeval(truth, truth.loadRes(str(tmp_path / "again.json")), "keypoints")
        scored.evaluate(), scored.accumulate(), scored.summarize()
    assert scored.stats[0] == pytest.approx(1)


@pytest.mark.parametrize(("thirds", "seen"), [((0.4, 0.0), (0.4, 0.0)), ((2, 0), (1, 0)), ((-3.5, 7), (0, 1))])
def test_the_third_number_is_a_score_or_a_flag(tmp_path, thirds, seen):
    out = bring(tmp_path, [result(10, 1, third=thirds[0]), result(20, 2, third=thirds[1])])
    assert [row["score"] for row in rows(out)] == [pytest.approx([score] * 17) for score in seen]
    assert [all(row["valid13"]) for row in rows(out)] == [score > 0 for score in seen]


def test_boxes_are_taken_where_there_are_some(tmp_path):
    (row,) = rows(bring(tmp_path, [result(10, 1, bbox=[1, 2, 30, 40])]))
    assert row["box"] == [1, 2, 31, 42]


@pytest.mark.parametrize(
    ("entries", "match"),
    [
        ({}, "expected a list of results"),
        ([1], "entry 0 is 1"),
        ([result(11, 1)], "image 11 is not among the 4 images"),
        ([{**result(10, 1), "category_id": 3}], "category 3, expected persons only"),
        ([{**result(10, 1), "keypoints": [1, 2]}], "expected 51 numbers"),
        ([{**result(10, 1), "score": None}], "score is null|score is None"),
        ([{**result(10, 1), "keypoints": [1e300] * 51}], "image 10 has numbers that are too large"),
        ([result(10, 1, 1e300)], "image 10 has numbers that are too large"),
        ([{"image_id": 10, "category_id": 1, "bbox": [1, 2, 3, 4], "score": 1}], "keypoints"),
    ],
)
def test_what_is_no_keypoint_result_is_refused(tmp_path, entries, match):
    with pytest.raises(SourceError, match=match):
        bring(tmp_path, entries)
    assert not (tmp_path / "out").exists()


def test_only_poses_of_numbered_images_are_exported(make_windows, tmp_path):
    other = make_windows(tmp_path / "videos", groups=4)
    with pytest.raises(DataError, match="holds poses of videos"):
        export_results(other, tmp_path / "a.json")
    assert not (tmp_path / "a.json").exists()


def test_real_annotations_score_themselves(foreign_data, tmp_path):
    """Annotated people of real images, as results, in and out: AP 1, and the same bytes again."""
    truth = foreign_data / "coco" / "annotations" / "person_keypoints_train2017_subset.json"
    people = [one for one in json.loads(truth.read_text())["annotations"] if one["num_keypoints"]]
    entries = [{**result(one["image_id"], 0), "keypoints": one["keypoints"]} for one in people]
    (tmp_path / "a.json").write_text(json.dumps(entries))
    import_results(tmp_path / "a.json", truth, tmp_path / "out")
    assert check(tmp_path / "out") == []
    export_results(tmp_path / "out", tmp_path / "b.json")
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO(str(truth))
        scored = COCOeval(coco, coco.loadRes(str(tmp_path / "b.json")), "keypoints")
        scored.evaluate(), scored.accumulate(), scored.summarize()
    assert scored.stats[0] == pytest.approx(1)
    import_results(tmp_path / "b.json", truth, tmp_path / "again")
    export_results(tmp_path / "again", tmp_path / "c.json")
    assert (tmp_path / "c.json").read_bytes() == (tmp_path / "b.json").read_bytes()
