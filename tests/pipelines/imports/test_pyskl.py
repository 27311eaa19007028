"""PYSKL's skeleton pickles in and out: the same poses, splits and labels both ways, and what is refused."""

import pickle
import tempfile
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from posebeam.pipelines.check import check
from posebeam.pipelines.imports.imported import SEEN
from posebeam.pipelines.imports.pyskl import import_pyskl, min_score_of
from posebeam.pipelines.pickles.export_pyskl import export_pyskl
from posebeam.pipelines.sources.pyskl import list_clips, read_pyskl
from posebeam.transforms.errors import ConfigError, DataError, SourceError
from posebeam.transforms.windows import WindowRule


def clip(name: str, label: int = 0, people: int = 1, frames: int = 40, dtype: str = "f4") -> dict[str, object]:
    """An annotation of people who walk to the right, as PYSKL writes it."""
    rng = np.random.default_rng([ord(letter) for letter in name])
    xy = rng.uniform(20, 200, (people, 1, 17, 2)) + np.arange(frames)[:, None, None]
    return {
        "frame_dir": name, "label": label, "img_shape": (240, 320), "original_shape": (240, 320),
        "total_frames": frames, "keypoint": xy.astype(dtype),
        "keypoint_score": rng.uniform(0.3, 1, (people, frames, 17)).astype(dtype),
    }  # fmt: skip


def write(path: Path, annotations: object, split: object = None, protocol: int = 4) -> Path:
    """A pickle as PYSKL has it; without splits the bare list."""
    content = annotations if split is None else {"split": split, "annotations": annotations}
    path.write_bytes(pickle.dumps(content, protocol))
    return path


def bring(file: Path, out: Path, *, group: str | None = None, protocol: str = "", **rule: object) -> Path:
    """The file as a data set."""
    pyskl = read_pyskl(file)
    listing = list_clips(pyskl, group=group, protocol=protocol)
    import_pyskl(pyskl, listing, WindowRule(**{"min_score": min_score_of(pyskl), **rule}), out, rate=20.0)
    return out


def rows(out: Path, product: str = "poses") -> list[dict[str, object]]:
    return [row for path in sorted((out / product).glob("*")) for row in pq.read_table(path).to_pylist()]


def tables(out: Path) -> dict[str, bytes]:
    return {str(path.relative_to(out)): path.read_bytes() for path in out.rglob("*.parquet")}


PARTS = ("train", "val", "test")
NAMES = st.text("abcdefghij_/é", min_size=1, max_size=9).filter(lambda name: not name.startswith("/"))
COORDINATES = {"f2": st.floats(-100, 2000, width=16), "f4": st.floats(-100, 8000, width=32)}
SCORES = {"f2": st.floats(0.125, 1, width=16), "f4": st.floats(0.125, 1, width=32)}


@st.composite
def annotations(draw) -> list[dict[str, object]]:
    """One to four clips of up to three people, who are not in every frame."""
    found = []
    for name in draw(st.lists(NAMES, min_size=1, max_size=4, unique=True)):
        dtype, M, T = draw(st.sampled_from(("f2", "f4"))), draw(st.integers(1, 3)), draw(st.integers(1, 5))
        xy = draw(arrays.arrays(dtype, (M, T, 17, 2), elements=COORDINATES[dtype]))
        score = draw(arrays.arrays(dtype, (M, T, 17), elements=SCORES[dtype]))
        there = draw(arrays.arrays(bool, (M, T)))
        there[0, 0] = True
        found.append({
            "frame_dir": name, "label": 0, "img_shape": (480, 640), "total_frames": T,
            "keypoint": xy * there[..., None, None], "keypoint_score": score * there[..., None],
        })  # fmt: skip
    return found


@settings(max_examples=25)
@given(own=annotations(), data=st.data())
def test_what_is_imported_is_exported_again_and_back(own, data):
    """Of float16 and float32, to the last bit; the main person comes first, and nobody is left out."""
    parts = [data.draw(st.sampled_from(PARTS)) if number else "train" for number in range(len(own))]
    split = {
        part: [one["frame_dir"] for one, its in zip(own, parts, strict=True) if its == part] for part in PARTS
    }
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        out = bring(write(root / "a.pkl", own, split), root / "out")
        export_pyskl(out, root / "b.pkl")
        found = pickle.loads((root / "b.pkl").read_bytes())
        again = bring(root / "b.pkl", root / "again")
        assert tables(again) == tables(out)
        export_pyskl(again, root / "c.pkl")
        assert (root / "c.pkl").read_bytes() == (root / "b.pkl").read_bytes()
    assert {name: sorted(held) for name, held in found["split"].items()} == {
        name: sorted(held) for name, held in split.items() if held
    }
    exported = {one["frame_dir"]: one for one in found["annotations"]}
    assert exported.keys() == {one["frame_dir"] for one in own}
    for one in own:
        its = exported[one["frame_dir"]]
        seen = one["keypoint_score"].any((1, 2))
        assert sorted(its["person"]) == np.flatnonzero(seen).tolist()
        np.testing.assert_array_equal(its["keypoint"], one["keypoint"][its["person"]])
        np.testing.assert_array_equal(its["keypoint_score"], one["keypoint_score"][its["person"]])
        assert (its["img_shape"], its["label"], its["total_frames"]) == ((480, 640), 0, one["total_frames"])


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    """Twelve clips of three labels, two people each, as a data set."""
    root = tmp_path_factory.mktemp("pyskl")
    own = [clip(f"v{number}", number % 3, 2) for number in range(12)]
    names = [one["frame_dir"] for one in own]
    return bring(
        write(root / "a.pkl", own, {"train": names[:6], "val": names[6:9], "test": names[9:]}), root / "out"
    )


def test_it_is_a_data_set_like_any_other(out):
    assert check(out) == []
    row = next(row for row in rows(out) if (row["clip_id"], row["person"]) == ("v4", 1))
    assert (row["width"], row["height"], row["label_name"], row["class_number"]) == (320, 240, "class-001", 1)
    assert row["seconds"][:3] == pytest.approx([0, 0.05, 0.1])
    np.testing.assert_array_equal(np.reshape(row["xy"], (40, 17, 2)), clip("v4", 1, 2)["keypoint"][1])
    told = {row["clip_id"]: (row["frames"], row["people"], row["windows"]) for row in rows(out, "clips")}
    assert told["v4"] == (40, 2, 2)


def test_an_export_loads_as_plain_pickle_and_names_no_place(out, tmp_path):
    told = export_pyskl(out, tmp_path / "new" / "a.pkl")
    assert told == {"clips": 12, "people": 24, "frames": 480, "clips without a person": 0, "clips rejected": 0}
    content = (tmp_path / "new" / "a.pkl").read_bytes()
    assert str(out).encode() not in content
    found = pickle.loads(content)
    assert found["posebeam"]["classes"] == ["class-000", "class-001", "class-002"]
    assert (found["posebeam"]["skeleton"], found["posebeam"]["min_score"]) == ("coco17", SEEN)
    first = found["annotations"][0]
    assert (first["keypoint"].dtype, first["keypoint"].shape) == (np.float32, (2, 40, 17, 2))


def test_the_main_person_comes_first(tmp_path):
    small, large = clip("small"), clip("large")
    both = {name: np.concatenate([small[name], large[name]]) for name in ("keypoint", "keypoint_score")}
    both["keypoint"][0] = both["keypoint"][0] / 10 + 100
    out = bring(write(tmp_path / "a.pkl", [{**clip("both"), **both}]), tmp_path / "out")
    export_pyskl(out, tmp_path / "b.pkl")
    (one,) = pickle.loads((tmp_path / "b.pkl").read_bytes())["annotations"]
    assert one["person"] == [1, 0]
    np.testing.assert_array_equal(one["keypoint"], both["keypoint"][::-1])


def test_official_splits_come_and_go(tmp_path):
    names = [f"v{number}" for number in range(6)]
    first, last = names[:3], names[3:]
    split = {"train1": first, "train2": last, "train3": first, "test1": last, "test2": first, "test3": last}
    file = write(tmp_path / "a.pkl", [clip(name, number % 3) for number, name in enumerate(names)], split)
    out = bring(file, tmp_path / "out")
    assert check(out) == []
    assert {tuple(row[f"split{k}"] for k in (1, 2, 3)) for row in rows(out)} == {
        ("train", "test", "train"), ("test", "train", "test"),
    }  # fmt: skip
    export_pyskl(out, tmp_path / "b.pkl")
    found = pickle.loads((tmp_path / "b.pkl").read_bytes())["split"]
    assert found == {"train": first, "test": last, **split}
    second = bring(file, tmp_path / "second", protocol="2")
    assert {row["clip_id"] for row in rows(second) if row["split2"] == "train"} == set(names[3:])
    assert sorted(path.name for path in (second / "poses").iterdir())[1].startswith("train")
    assert pq.read_table(second / "poses" / "train-00000-of-00001.parquet")["clip_id"].to_pylist() == names[3:]


def test_a_choice_of_splits_is_asked_for(tmp_path):
    own = [clip(name) for name in "abcd"]
    split = {"xsub_train": ["a", "b"], "xsub_val": ["c", "gone"], "xview_train": ["a"], "xview_val": ["d"]}
    pyskl = read_pyskl(write(tmp_path / "a.pkl", own, split))
    with pytest.raises(ConfigError, match="has the splits 'xsub', 'xview'"):
        list_clips(pyskl)
    listing = list_clips(pyskl, protocol="xsub")
    assert {ref.clip_id: ref.split for ref in listing.refs} == {"a": "train", "b": "train", "c": "validation"}
    assert (listing.missing, listing.unlisted) == (("gone",), ("d",))


def test_without_splits_groups_are_dealt(tmp_path):
    own = [clip(f"g{number // 2}_{number}", 0) for number in range(40)]
    pyskl = read_pyskl(write(tmp_path / "a.pkl", own, protocol=2))
    listing = list_clips(pyskl, group=r"g\d+", seed=1)
    assert {ref.split for ref in listing.refs} == {"train", "validation", "test"}
    assert len({(ref.group, ref.split) for ref in listing.refs}) == 20


def test_class_names_are_the_user_s_or_the_file_s(tmp_path):
    pyskl = read_pyskl(write(tmp_path / "a.pkl", [clip("a", 0), clip("b", 1)], {"train": ["a", "b"]}))
    assert [ref.label for ref in list_clips(pyskl, classes=["sit", "stand"]).refs] == ["sit", "stand"]
    with pytest.raises(ConfigError, match="got 1 class names"):
        list_clips(pyskl, classes=["sit"])


def test_clips_that_are_not_finite_are_rejected_and_empty_ones_stay(tmp_path):
    broken, empty, large = clip("broken"), clip("empty"), clip("large")
    broken["keypoint"][0, 7, 3] = np.nan
    large["keypoint"] = large["keypoint"].astype("f8") * 1e300
    empty["keypoint_score"] *= 0
    out = bring(write(tmp_path / "a.pkl", [broken, empty, large, clip("whole")]), tmp_path / "out")
    assert check(out) == []
    assert {row["clip_id"]: row["reason"] for row in rows(out, "rejected")} == dict.fromkeys(
        ("broken", "large"), "joints or scores that are not finite"
    )
    told = {row["clip_id"]: (row["rejected"], row["people"]) for row in rows(out, "clips")}
    assert told == {"broken": (True, 0), "empty": (False, 0), "large": (True, 0), "whole": (False, 1)}
    told = export_pyskl(out, tmp_path / "b.pkl")
    assert (told["clips"], told["clips without a person"], told["clips rejected"]) == (1, 1, 2)


def test_a_long_track_is_cut_into_segments(tmp_path):
    out = bring(write(tmp_path / "a.pkl", [clip("long", frames=2500)]), tmp_path / "out")
    assert [(row["segment"], len(row["frames"])) for row in rows(out)] == [(0, 1024), (1, 1024), (2, 452)]
    export_pyskl(out, tmp_path / "b.pkl")
    (one,) = pickle.loads((tmp_path / "b.pkl").read_bytes())["annotations"]
    np.testing.assert_array_equal(one["keypoint"], clip("long", frames=2500)["keypoint"])


ZEROS = np.zeros((1, 40, 17), "f4")


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"keypoint": None}, "'a' has no array keypoint: Kinetics"),
        ({"keypoint": np.zeros((40, 17, 2))}, r"joints \[40, 17, 2\]"),
        ({"keypoint": np.zeros((1, 40, 25, 3))}, "three dimensions"),
        ({"keypoint": np.zeros((1, 39, 17, 2))}, r"joints \[1, 39, 17, 2\], scores \[1, 40, 17\]"),
        ({"keypoint": np.zeros((0, 1 << 40, 17, 2)), "keypoint_score": np.zeros((0, 1 << 40, 17))}, "joints of"),
        ({"keypoint": np.zeros((1, 40, 21, 2)), "keypoint_score": np.zeros((1, 40, 21))}, "21 joints a person"),
        ({"keypoint": np.zeros((1, 40, 17, 2), bool)}, "expected numbers"),
        ({"keypoint_score": None}, "no array keypoint_score"),
        ({"total_frames": 41}, "41 for total_frames and joints of 40 frames"),
        ({"label": -1}, "the label -1"),
        ({"label": 1 << 40}, "the label"),
        ({"label": None}, "the label None"),
        ({"label": "run"}, "the label 'run'"),
        ({"frame_dir": ""}, "frame_dir ''"),
        ({"frame_dir": "/home/me/a"}, "expected a name or a relative path"),
        ({"frame_dir": "../a"}, "expected a name or a relative path"),
        ({"frame_dir": "a\x1b[2J"}, "expected the clip's name"),
        ({"frame_dir": ["a"]}, "frame_dir list"),
        ({"img_shape": (240,)}, "img_shape tuple"),
        ({"img_shape": (-1, 2)}, "img_shape tuple"),
    ],
)  # fmt: skip
def test_annotations_that_do_not_fit_are_refused(tmp_path, change, match):
    file = write(tmp_path / "a.pkl", [{**clip("a"), **change}])
    with pytest.raises(SourceError, match=match):
        read_pyskl(file)


@pytest.mark.parametrize(
    ("content", "match"),
    [
        ({}, "no list of annotations"),
        ([], "no list of annotations"),
        ("text", "no list of annotations"),
        ([1], "annotation 0 is a int"),
        ([clip("a"), clip("a")], "two annotations are of 'a'"),
        ({"annotations": [clip("a")], "split": ["a"]}, "split is a list"),
        ({"annotations": [clip("a")], "split": {"train": "a"}}, "split 'train' is no list"),
        ({"annotations": [clip("a")], "split": {"train": ["a"], "test": ["a"]}}, "'a' stands in"),
        ({"annotations": [clip("a")], "posebeam": {"skeleton": "body25"}}, "says 'body25'"),
        ({"annotations": [{**clip("a"), "person": [0, 1]}], "posebeam": {"x": 1}}, "2 numbers"),
    ],
)
def test_files_that_are_not_pyskl_s_are_refused(tmp_path, content, match):
    (tmp_path / "a.pkl").write_bytes(pickle.dumps(content))
    with pytest.raises(SourceError, match=match):
        read_pyskl(tmp_path / "a.pkl")


def test_an_export_that_fails_leaves_what_was_there(tmp_path):
    own = clip("a")
    del own["img_shape"], own["original_shape"]
    out = bring(write(tmp_path / "a.pkl", [own]), tmp_path / "out")
    (tmp_path / "b.pkl").write_bytes(b"an older one")
    with pytest.raises(DataError, match="does not know the size of its frames"):
        export_pyskl(out, tmp_path / "b.pkl")
    assert (tmp_path / "b.pkl").read_bytes() == b"an older one"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.pkl", "b.pkl", "out"]
