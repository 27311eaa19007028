"""Imports turn files of other programs into data sets: a whole data set comes of it, or clear words."""

import io
import json
import pickle
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posebeam.pipelines.check import check
from posebeam.pipelines.imports.coco_results import import_results
from posebeam.pipelines.imports.imported import LAYOUTS, SEEN
from posebeam.pipelines.imports.mpose import import_mpose
from posebeam.pipelines.imports.openpose import find_skeleton, import_openpose
from posebeam.pipelines.imports.pyskl import import_pyskl, min_score_of
from posebeam.pipelines.manifest import FILE as MANIFEST
from posebeam.pipelines.sources.openpose_json import list_clips as list_frames
from posebeam.pipelines.sources.pyskl import list_clips as list_skeletons
from posebeam.pipelines.sources.pyskl import read_pyskl
from posebeam.transforms.windows import WindowRule

STRANGE = [0.0, -1.0, 1e-40, 1e5, 3e38, 1e300, float("nan"), float("inf")]


def whole_or_nothing(out: Path) -> None:
    """A data set with a manifest holds what it says; without one it is unfinished, and says so."""
    if (out / MANIFEST).exists():
        assert check(out) == []


JOINTS = [value for joint in range(25) for value in (100.0 + joint, 50.0 + 2 * joint, 0.5)]
FRAME = {
    "version": 1.3,
    "people": [
        {"person_id": [3], "pose_keypoints_2d": JOINTS, "face_keypoints_2d": []},
        {"pose_keypoints_2d": JOINTS},
    ],
}


@settings(max_examples=40)
@given(data=st.data())
def test_frames_of_openpose(damage, folders, data):
    root = folders()
    clip = root / "source" / "walk" / "a"
    clip.mkdir(parents=True)
    for number in range(3):
        content = damage.json_bytes(data, FRAME) if number == 1 else json.dumps(FRAME).encode()
        (clip / f"a_{number:012d}_keypoints.json").write_bytes(content)
    with damage.told():
        listing = list_frames(root / "source")
        skeleton = find_skeleton(listing)
        rule = WindowRule(length=2, stride=1, min_score=SEEN, layout=LAYOUTS[skeleton])
        import_openpose(listing, skeleton, rule, root / "out")
    whole_or_nothing(root / "out")


IMAGES = [{"id": n, "file_name": f"{n}.jpg", "width": 320, "height": 240} for n in (1, 2)]
POINTS = [value for joint in range(17) for value in (100 + joint, 50 + 2 * joint, 0.5)]
PERSON = {"id": 7, "image_id": 1, "category_id": 1, "keypoints": POINTS, "bbox": [1, 2, 30, 40], "area": 900.0}
ANNOTATIONS = {"images": IMAGES, "annotations": [PERSON], "categories": [{"id": 1, "name": "person"}]}
RESULTS = [
    {"image_id": image, "category_id": 1, "keypoints": POINTS, "score": 0.5, "bbox": [1, 2, 30, 40]}
    for image in (1, 1, 2)
]


@settings(max_examples=40)
@given(data=st.data())
def test_results_of_coco(damage, folders, data):
    root = folders()
    truth = damage.changed(data, ANNOTATIONS) if data.draw(st.booleans()) else ANNOTATIONS
    (root / "val.json").write_text(json.dumps(truth))
    (root / "results.json").write_bytes(damage.json_bytes(data, RESULTS))
    with damage.told():
        import_results(root / "results.json", root / "val.json", root / "out")
    whole_or_nothing(root / "out")


def strewn(data: st.DataObject, array: np.ndarray) -> np.ndarray:
    """The array with strange numbers in a few places."""
    flat = array.reshape(-1).copy()
    for at in data.draw(st.lists(st.integers(0, max(len(flat) - 1, 0)), max_size=4)) if len(flat) else ():
        flat[at] = data.draw(st.sampled_from(STRANGE))
    return flat.reshape(array.shape)


@settings(max_examples=40)
@given(data=st.data())
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_skeleton_pickles(damage, folders, data):
    root, rng = folders(), np.random.default_rng(1)
    clips = []
    for name, label in (("a", 0), ("b", 1), ("c/d", 0)):
        M, T = data.draw(st.sampled_from(((1, 4), (1, 4), (2, 3), (0, 3), (1, 1))))
        kind = data.draw(st.sampled_from(("f2", "f4", "f8", "i4")))
        xy, score = rng.uniform(20, 200, (M, T, 17, 2)), rng.uniform(0, 1, (M, T, 17))
        with np.errstate(all="ignore"):
            held = {"keypoint": strewn(data, xy).astype(kind), "keypoint_score": strewn(data, score).astype(kind)}
        clips.append({"frame_dir": name, "label": label, "img_shape": (240, 320), "total_frames": T, **held})
    (root / "a.pkl").write_bytes(pickle.dumps(clips))
    with damage.told():
        pyskl = read_pyskl(root / "a.pkl")
        rule = WindowRule(length=2, stride=1, min_score=min_score_of(pyskl))
        import_pyskl(pyskl, list_skeletons(pyskl), rule, root / "out")
    whole_or_nothing(root / "out")


@settings(max_examples=40)
@given(data=st.data())
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_archives_of_mpose(damage, folders, data):
    root, rng, arrays = folders(), np.random.default_rng(1), {}
    form = data.draw(st.sampled_from(((5, 25, 3), (5, 17, 3), (5, 52), (5, 13, 5))))
    for part in ("train", "test"):
        x = strewn(
            data, rng.uniform(0, 100, (2, *form)) if len(form) == 3 and form[1] > 13 else np.zeros((2, *form))
        )
        with np.errstate(all="ignore"):
            arrays[f"X_{part}"] = x.astype(data.draw(st.sampled_from(("f4", "f8"))))
        arrays[f"y_{part}"] = np.array([0, 7])
    file = io.BytesIO()
    np.savez(file, **arrays)
    (root / "a.npz").write_bytes(file.getvalue())
    with damage.told():
        import_mpose(root / "a.npz", root / "out", layout_name="act13-coco")
    whole_or_nothing(root / "out")
