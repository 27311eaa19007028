"""Sources read files that anybody may have written: whatever stands in them, they are read or refused in words."""

import io
import pickle
import pickletools
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from posebeam.pipelines.coco.ap import Truth, average_precision
from posebeam.pipelines.plan import make_plan
from posebeam.pipelines.settings import PoseSettings, Settings
from posebeam.pipelines.sources import coco, manifest, mpose, openpose_json, pyskl, ucf101
from posebeam.transforms.skeleton import skeleton
from posebeam.transforms.windows import WindowRule

SETTINGS = Settings(PoseSettings("videos", "movenet-lightning", ""), WindowRule(min_score=0.2))
KEYPOINTS = [value for joint in range(17) for value in (100 + joint, 50 + 2 * joint, 2)]
PERSON = {
    "id": 7, "image_id": 1, "category_id": 1, "iscrowd": 0, "area": 900.0, "bbox": [100, 50, 20.5, 40],
    "keypoints": KEYPOINTS, "num_keypoints": 17, "segmentation": [[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]],
}  # fmt: skip
ANNOTATIONS = {
    "info": {}, "licenses": [],
    "images": [
        {"id": 1, "file_name": "1.jpg", "width": 640, "height": 480},
        {"id": 2, "file_name": "sub/2.jpg", "width": 64, "height": 48},
    ],
    "annotations": [PERSON, PERSON | {"id": 8, "image_id": 2, "iscrowd": 1, "keypoints": [0] * 51}],
    "categories": [{"id": 1, "name": "person", "keypoints": list(skeleton("coco17").joints), "skeleton": []}],
}  # fmt: skip


@pytest.fixture(scope="module")
def images(folders) -> Path:
    """Files by the names of ANNOTATIONS; sources look at their names only."""
    folder = folders()
    (folder / "sub").mkdir()
    for name in ("1.jpg", "sub/2.jpg"):
        (folder / name).write_bytes(b"12345")
    return folder


@given(data=st.data())
def test_annotations_of_coco(damage, folders, images, data):
    path = folders() / "a.json"
    path.write_bytes(damage.json_bytes(data, ANNOTATIONS))
    with damage.told():
        make_plan(coco.list_clips(images, annotations=path), SETTINGS)
    with damage.told():
        coco.list_annotated(path)


@given(data=st.data())
def test_annotations_of_coco_that_are_scored_against(damage, folders, data):
    path = folders() / "a.json"
    path.write_bytes(damage.json_bytes(data, ANNOTATIONS))
    result = {"image_id": 1, "category_id": 1, "keypoints": KEYPOINTS, "score": 0.5}
    with damage.told():
        truth = Truth(path)
        average_precision(truth, [result] if 1 in truth.images else [])


LISTS = {
    "classInd.txt": "1 Archery\r\n2 Bowling\r\n",
    **{
        f"{part}list0{split}.txt": "".join(
            f"{label}/v_{label}_g{(split + shift):02d}_c01.avi{f' {number}' if part == 'train' else ''}\r\n"
            for number, label in ((1, "Archery"), (2, "Bowling"))
            for shift in ((0,) if part == "test" else (1, 2))
        )
        for split in (1, 2, 3)
        for part in ("train", "test")
    },
}


@given(data=st.data())
def test_lists_of_ucf101(damage, folders, data):
    folder = folders()
    (folder / ucf101.LISTS).mkdir()
    spoiled = data.draw(st.sampled_from(sorted(LISTS)))
    for name, text in LISTS.items():
        content = text.replace("g03", "g01").replace("g04", "g02").replace("g05", "g03").encode()
        (folder / ucf101.LISTS / name).write_bytes(damage.spoiled(data, content) if name == spoiled else content)
    for label in ("Archery", "Bowling"):
        (folder / label).mkdir()
        (folder / label / f"v_{label}_g01_c01.avi").touch()
    with damage.told():
        make_plan(ucf101.list_clips(folder), SETTINGS)


TABLE = {
    "uri": ["a.mp4", "sub/b.mp4", "https://host/c.mp4"], "label": ["x", "y", "x"], "group": ["1", "2", "3"],
    "split": ["train", "train", "test"],
}  # fmt: skip
CSV = "\n".join(",".join(row) for row in (TABLE, *zip(*TABLE.values(), strict=True))).encode()
CELLS = st.one_of(
    st.text(max_size=30),
    st.sampled_from(("x" * 200_000, "x" * 4000, "x" * 200, "../../a", "/a", "file:///a", "a\0b", "~", ".")),
)


@given(data=st.data())
def test_tables_of_clips(damage, folders, data):
    path = folders() / "clips.csv"
    path.write_bytes(damage.spoiled(data, CSV))
    with damage.told():
        make_plan(manifest.list_clips(path), SETTINGS)


@given(
    cells=st.lists(st.tuples(CELLS, CELLS, CELLS, st.sampled_from(("train", "test", "", "TEST", "x"))), max_size=4)
)
def test_tables_of_clips_with_any_words(damage, folders, cells):
    columns = zip(*cells, strict=True) if cells else [()] * 4
    table = pa.table({name: pa.array(list(own), pa.string()) for name, own in zip(TABLE, columns, strict=True)})
    path = folders() / "clips.parquet"
    pq.write_table(table, path)
    (path.parent / "a").touch()
    with damage.told():
        make_plan(manifest.list_clips(path), SETTINGS)


KINDS = [
    pa.int64(),
    pa.float32(),
    pa.string(),
    pa.binary(),
    pa.bool_(),
    pa.list_(pa.int8()),
    pa.null(),
    pa.date32(),
]


@given(data=st.data())
def test_tables_of_clips_in_parquet(damage, folders, data):
    path = folders() / "clips.parquet"
    if data.draw(st.booleans()):
        kinds = [data.draw(st.sampled_from(KINDS)) for _ in TABLE]
        pq.write_table(pa.table([pa.nulls(3, kind) for kind in kinds], names=list(TABLE)), path)
    else:
        pq.write_table(pa.table(TABLE), path)
        path.write_bytes(damage.spoiled(data, path.read_bytes()))
    with damage.told():
        make_plan(manifest.list_clips(path), SETTINGS)


def skeletons(data, damage) -> object:
    """PYSKL's dict with places changed; arrays stand for the lists of other tests."""
    rng = np.random.default_rng(1)
    clips = [
        {
            "frame_dir": name, "label": label, "img_shape": [240, 320], "total_frames": 4, "person": [0, 1],
            "keypoint": "xy", "keypoint_score": "score",
        }
        for name, label in (("a/1", 0), ("b", 1))
    ]  # fmt: skip
    record = {"skeleton": "coco17", "classes": ["x", "y"], "groups": {"a/1": "g"}, "min_score": 0.1}
    whole = {"split": {"train": ["a/1"], "test": ["b"]}, "annotations": clips, "posebeam": record}
    shapes = st.sampled_from(((2, 4, 17), (2, 4, 17), (2, 4, 17), (0, 4, 17), (2, 0, 17), (2, 4, 18), (4, 17), ()))
    kinds = st.sampled_from(("f4", "f4", "f2", "f8", "i8", "?", ">f4"))

    def filled(value: object) -> object:
        if value in ("xy", "score"):
            shape = data.draw(shapes) + ((2,) if value == "xy" else ())
            return rng.uniform(0, 100, shape).astype(data.draw(kinds))
        if isinstance(value, dict):
            return {key: filled(each) for key, each in value.items()}
        return [filled(each) for each in value] if isinstance(value, list) else value

    return filled(damage.changed(data, whole))


@given(data=st.data())
def test_skeleton_pickles(damage, folders, data):
    path = folders() / "a.pkl"
    path.write_bytes(pickle.dumps(skeletons(data, damage), data.draw(st.integers(2, 5))))
    with damage.told():
        make_plan(pyskl.list_clips(pyskl.read_pyskl(path)), SETTINGS)


GOOD_PICKLE = pickle.dumps(
    [{
        "frame_dir": "a", "label": 0, "total_frames": 4, "img_shape": (240, 320),
        "keypoint": np.ones((1, 4, 17, 2), np.float16), "keypoint_score": np.ones((1, 4, 17), np.float16),
    }], 4,
)  # fmt: skip
OPCODES = [opcode.code.encode("latin1") for opcode in pickletools.opcodes]


@given(data=st.data())
def test_skeleton_pickles_of_wrong_bytes(damage, folders, data):
    path = folders() / "a.pkl"
    content = damage.spoiled(data, GOOD_PICKLE)
    if data.draw(st.booleans()):
        at = data.draw(st.integers(0, len(content)))
        content = content[:at] + b"".join(data.draw(st.lists(st.sampled_from(OPCODES), max_size=6))) + content[at:]
    path.write_bytes(content)
    with damage.told():
        for clip in pyskl.read_pyskl(path).clips.values():
            clip.xy.read()


@given(
    parts=st.lists(st.text("abtrainesl01_. ", min_size=1, max_size=12), max_size=3), number=st.integers(0, 10**12)
)
def test_folders_of_frames(damage, folders, parts, number):
    folder = folders()
    root = folder.joinpath(*parts)
    if not root.resolve().is_relative_to(folder):
        return
    root.mkdir(parents=True, exist_ok=True)
    (root / f"x_{number:06d}_keypoints.json").touch()
    with damage.told():
        make_plan(openpose_json.list_clips(folder), SETTINGS)


def sequences(data, damage) -> bytes:
    """An archive of MPOSE's with arrays of other shapes, kinds and names."""
    arrays = {}
    for part in ("train", "test"):
        n = data.draw(st.sampled_from((2, 2, 0, 3)))
        shape = data.draw(st.sampled_from(((30, 25, 3), (30, 25, 3), (30, 17, 2), (1, 25, 3), (30, 52), (3,), ())))
        kind = data.draw(st.sampled_from(("f4", "f4", "f8", "f2", "i4", "?", "U3", "c8")))
        arrays[f"X_{part}"] = np.zeros((n, *shape), kind)
        arrays[f"y_{part}"] = np.full(
            n, data.draw(st.sampled_from((0, 19, 20, -1))), data.draw(st.sampled_from(("i8", "f4")))
        )
        ids = data.draw(
            st.lists(st.sampled_from(("a_b_standing_1", "x", "../y", "", "a_b_walk_1", "\0")), max_size=3)
        )
        if ids:
            arrays[f"{part}_ids"] = np.array(ids)
    for name in data.draw(st.sets(st.sampled_from(sorted(arrays)), max_size=1)):
        del arrays[name]
    file = io.BytesIO()
    np.savez(file, **arrays)
    content = file.getvalue()
    return damage.spoiled(data, content) if data.draw(st.booleans()) else content


@given(data=st.data())
def test_archives_of_mpose(damage, folders, data):
    path = folders() / "a.npz"
    path.write_bytes(sequences(data, damage))
    with damage.told():
        make_plan(mpose.list_clips(mpose.read_mpose(path)), SETTINGS)
