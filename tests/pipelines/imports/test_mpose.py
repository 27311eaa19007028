"""MPOSE2021 to windows: raw poses through the chain, features as they are, the three splits as columns."""

import json
from pathlib import Path

import numpy as np
import pytest

from posebeam.pipelines.check import check
from posebeam.pipelines.imports.mpose import import_mpose
from posebeam.pipelines.read import WindowReader
from posebeam.pipelines.sources.mpose import CLASSES
from posebeam.transforms.chain import chain
from posebeam.transforms.errors import ConfigError, PlanError, SourceError

ACTORS, LABELS, TESTING = 9, (0, 7, 19), {1: (0, 1), 2: (2, 3), 3: (4, 5)}


def sequence(actor: int, label: int, joints: int = 25) -> np.ndarray:
    """Poses [30, K, 3] in pixels; the second joint is never seen, and actor 3's sequences end after 22 frames."""
    rng = np.random.default_rng([actor, label])
    x = np.concatenate([rng.uniform(50, 200, (30, joints, 2)), rng.uniform(0.1, 1, (30, joints, 1))], -1)
    x[:, 1] = 0
    x[22 if actor == 3 else 30 :] = 0
    return x


def ids_of(split: int) -> dict[str, list[tuple[str, int, int]]]:
    """(id, actor, label) of each part."""
    parts: dict[str, list[tuple[str, int, int]]] = {"train": [], "test": []}
    for actor in range(ACTORS):
        for label in LABELS:
            name = f"kth_person{actor:02d}_{CLASSES[label]}_{actor}-0-29"
            parts["test" if actor in TESTING[split] else "train"].append((name, actor, label))
    parts["train"].reverse()  # the order is a split's own
    return parts


def write(folder: Path, joints: int = 25, arrays: bool = True) -> Path:
    """The package's folder with three splits; arrays=False: arrays of split 1 only."""
    for split in TESTING:
        own = folder / str(split)
        own.mkdir(parents=True)
        parts = ids_of(split)
        lines = [f"{name}\t{part}" for part in ("test", "train") for name, _, _ in parts[part]]
        (own / f"{split}.txt").write_text("\n".join(lines) + "\n")
        for part, rows in parts.items() if arrays or split == 1 else ():
            x = np.stack([sequence(actor, label, joints) for _, actor, label in rows])
            np.save(own / f"X_{part}.npy", x.astype(np.float32))
            np.save(own / f"y_{part}.npy", np.array([label for _, _, label in rows]))
    return folder


@pytest.fixture(scope="module")
def openpose(tmp_path_factory):
    return write(tmp_path_factory.mktemp("mpose") / "openpose")


@pytest.fixture(scope="module")
def out(openpose, tmp_path_factory):
    folder = tmp_path_factory.mktemp("data") / "out"
    import_mpose(openpose, folder, shards=2)
    return folder


def expected(actor: int, label: int) -> tuple[np.ndarray, np.ndarray]:
    poses = sequence(actor, label).astype(np.float32).astype(np.float64)
    return chain("act").apply(poses[..., :2], poses[..., 2] > 0, "body25", "act13-body25")


def test_windows_are_what_the_chain_makes_of_each_sequence(out):
    reader = WindowReader(out)
    assert len(reader) == ACTORS * len(LABELS)
    x, valid = reader.take(np.arange(len(reader)))
    for row, clip_id in enumerate(reader.clips):
        actor, name = int(clip_id[10:12]), clip_id.split("_")[2]
        features, seen = expected(actor, CLASSES.index(name))
        np.testing.assert_array_equal(x[row], features.astype(np.float32))
        np.testing.assert_array_equal(valid[row], seen)
        assert reader.classes[reader.labels[row]] == name
        assert not valid[row, 22:].any() or actor != 3


def test_all_three_official_splits_are_columns_and_groups_are_actors(out):
    reader = WindowReader(out)
    actors = np.array([int(clip_id[10:12]) for clip_id in reader.clips])
    for split, testing in TESTING.items():
        np.testing.assert_array_equal(reader.parts(split) == "test", np.isin(actors, testing))
    np.testing.assert_array_equal(reader.parts() == "test", np.isin(actors, TESTING[1]))
    assert set(reader.groups) == {f"kth_person{actor:02d}" for actor in range(ACTORS)}


def test_it_is_a_data_set_like_any_other(out):
    assert check(out) == []
    config = json.loads((out / "manifest.json").read_text())["config"]
    assert (config["layout"], config["skeleton"], config["backbone"]) == (
        "act13-body25", "body25", "imported-openpose",
    )  # fmt: skip
    card = (out / "README.md").read_text()
    assert "MPOSE2021, for research" in card
    assert "`poses`" not in card


def test_check_finds_an_actor_on_both_sides_without_poses(openpose, tmp_path):
    for split in TESTING:
        (tmp_path / "mpose" / str(split)).mkdir(parents=True)
        for file in (openpose / str(split)).iterdir():
            (tmp_path / "mpose" / str(split) / file.name).write_bytes(file.read_bytes())
    path = tmp_path / "mpose/2/2.txt"
    lines = path.read_text().splitlines()
    moved = next(number for number, line in enumerate(lines) if line.endswith("train"))
    lines[moved] = lines[moved].replace("train", "test")
    path.write_text("\n".join(lines))
    import_mpose(tmp_path / "mpose", tmp_path / "out")
    actor = lines[moved][4:12]
    assert check(tmp_path / "out") == [f"group 'kth_{actor}' stands on both sides of split2: test, train"]


def test_split_names_the_files_and_other_splits_need_lists_only(openpose, tmp_path):
    manifest = import_mpose(openpose, tmp_path / "two", split=2)
    assert manifest["config"]["split"] == 2
    reader = WindowReader(tmp_path / "two")
    np.testing.assert_array_equal(reader.parts(), reader.parts(2))
    lean = write(tmp_path / "lean", arrays=False)
    import_mpose(lean, tmp_path / "one")
    assert WindowReader(tmp_path / "one").parts(3).tolist().count("test") == 6


def test_a_split_alone_has_no_official_columns(openpose, tmp_path):
    import_mpose(openpose / "1", tmp_path / "out")
    with pytest.raises(Exception, match="no official split 1"):
        WindowReader(tmp_path / "out").parts(1)


def preprocessed(rows, channels):
    """What the package's scale_and_center gives: x, y, vx, vy(, p) of 13 joints."""
    x = np.stack([expected(actor, label)[0].reshape(30, 13, 4) for _, actor, label in rows])
    score = np.stack([expected(actor, label)[1] for _, actor, label in rows])[..., None]
    return np.concatenate([x, score], -1) if channels == 5 else x


@pytest.mark.parametrize("form", ["features", "joints", "scored"])
def test_features_are_taken_as_they_are(out, tmp_path, form):
    parts, arrays = ids_of(1), {}
    for part, rows in parts.items():
        x = preprocessed(rows, 5 if form == "scored" else 4)
        arrays[f"X_{part}"] = x.reshape(len(x), 30, -1) if form == "features" else x
        arrays[f"y_{part}"] = np.array([label for *_, label in rows])
        arrays[f"{part}_ids"] = np.array([name for name, *_ in rows])
    np.savez(tmp_path / "x.npz", **arrays)
    with pytest.raises(ConfigError, match="say with --layout whose they are"):
        import_mpose(tmp_path / "x.npz", tmp_path / "out")
    with pytest.raises(ConfigError, match="'act-window' needs raw poses"):
        import_mpose(tmp_path / "x.npz", tmp_path / "out", layout_name="act13-body25", chain_name="act-window")
    import_mpose(tmp_path / "x.npz", tmp_path / "out", layout_name="act13-body25", shards=2)
    ours, raw = WindowReader(tmp_path / "out"), WindowReader(out)
    assert ours.clips.tolist() == raw.clips.tolist()
    got, wanted = ours.take(np.arange(len(raw))), raw.take(np.arange(len(raw)))
    np.testing.assert_array_equal(got[0], wanted[0])
    if form == "scored":
        np.testing.assert_array_equal(got[1], wanted[1])
    else:  # without scores a joint counts as seen wherever somebody is
        np.testing.assert_array_equal(got[1].any(-1), wanted[1].any(-1))
    assert check(tmp_path / "out") == []


def test_velocities_that_are_no_steps_are_refused(tmp_path):
    """As the published webcam script has them: positions scaled, velocities in pixels."""
    x = preprocessed(ids_of(1)["train"], 4)
    x[..., 2:] *= 80
    np.savez(tmp_path / "x.npz", X_train=x, y_train=np.zeros(len(x), int), X_test=x, y_test=np.zeros(len(x), int))
    with pytest.raises(SourceError, match=r"velocities differ by .* from the steps of the positions"):
        import_mpose(tmp_path / "x.npz", tmp_path / "out", layout_name="act13-body25")


def test_an_archive_with_a_damaged_header_is_told_in_few_words(tmp_path):
    file = tmp_path / "damaged.npz"
    np.savez(file, **{name: np.zeros((2, 30, 25, 3)) for name in ("X_train", "y_train", "X_test", "y_test")})
    content = bytearray(file.read_bytes())
    content[26:28] = (5000).to_bytes(2, "little")  # how long the first name is
    file.write_bytes(content)
    with pytest.raises(SourceError, match="is not MPOSE2021") as told:
        import_mpose(file, tmp_path / "out")
    assert len(str(told.value)) < 1000


def test_an_array_with_a_damaged_header_is_told(tmp_path):
    """A zero byte is a SyntaxError to Python's parser, what stands before it a TokenError to numpy's filter."""
    write(tmp_path / "in")
    file = tmp_path / "in/1/X_train.npy"
    content = bytearray(file.read_bytes())
    content[10] = 0  # the brace that begins the header
    file.write_bytes(content)
    with pytest.raises(SourceError, match="is not MPOSE2021"):
        import_mpose(tmp_path / "in", tmp_path / "out")


def test_a_list_that_is_no_text_is_told(tmp_path):
    write(tmp_path / "in")
    (tmp_path / "in/3/3.txt").write_bytes(b"\xff\xfe\0")
    with pytest.raises(SourceError, match=r"3\.txt cannot be read as a list of ids"):
        import_mpose(tmp_path / "in", tmp_path / "out")


def test_numbers_beyond_single_precision_are_refused(tmp_path):
    """They would stand in windows as infinite, which no training survives."""
    write(tmp_path / "in")
    x = np.load(tmp_path / "in/1/X_train.npy").astype(np.float64)
    x[2, 5, 3, 0] = 1e200
    np.save(tmp_path / "in/1/X_train.npy", x)
    with pytest.raises(SourceError, match=r"kth_\S+ has numbers that are too large"):
        import_mpose(tmp_path / "in", tmp_path / "out")


def test_seventeen_joints_are_coco(tmp_path):
    manifest = import_mpose(write(tmp_path / "posenet", joints=17), tmp_path / "out")
    config = manifest["config"]
    assert (config["layout"], config["skeleton"], config["backbone"]) == (
        "act13-coco",
        "coco17",
        "imported-coco17",
    )
    with pytest.raises(ConfigError, match="cannot be made of 'coco17'"):
        import_mpose(tmp_path / "posenet", tmp_path / "other", layout_name="act13-body25")


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"X_train": np.zeros((2, 30, 19, 3))}, r"X_train is float64 \[2, 30, 19, 3\], expected floats"),
        ({"X_train": np.zeros((2, 30, 25, 3), int)}, "X_train is int64"),
        ({"X_test": np.zeros((1, 30, 17, 3))}, r"X_train is \[2, 30, 25, 3\], X_test \[1, 30, 17, 3\]"),
        ({"y_train": np.array([0.0, 1.0])}, "y_train is float64"),
        ({"y_train": np.array([0, 20])}, "has label 20, names are there for 0 to 19"),
        ({"y_train": np.array([0, 1, 2])}, r"y_train is int64 \[3\]"),
        ({"train_ids": np.array(["a"])}, "1 ids for 2 sequences of X_train"),
        ({"train_ids": np.array(["a", "a"])}, "1 ids stand there twice"),
        ({"train_ids": np.array(["kth_p_walk_1-0-29", "b"])}, "kth_p_walk_1-0-29 is labelled standing: list and"),
        ({"train_ids": np.array(["a", {}], object)}, "is not MPOSE2021"),
        ({"X_test": None}, "is not MPOSE2021"),
    ],
)
def test_what_is_not_mpose_is_refused(tmp_path, change, match):
    arrays = {
        "X_train": np.ones((2, 30, 25, 3)), "y_train": np.array([0, 0]),
        "X_test": np.ones((1, 30, 25, 3)), "y_test": np.array([0]),
    } | change  # fmt: skip
    np.savez(tmp_path / "x.npz", **{name: value for name, value in arrays.items() if value is not None})
    with pytest.raises(SourceError, match=match):
        import_mpose(tmp_path / "x.npz", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_folders_that_hold_none_and_whole_data_sets_are_refused(openpose, out, tmp_path):
    with pytest.raises(SourceError, match=r"expected an \.npz with X_train"):
        import_mpose(tmp_path, tmp_path / "out")
    with pytest.raises(PlanError, match="holds a whole data set"):
        import_mpose(openpose, out, shards=2)
    with pytest.raises(ConfigError, match="official splits 1, 2 and 3"):
        import_mpose(openpose, tmp_path / "out", split=4)


def test_equal_imports_are_equal_bytes(openpose, out, tmp_path):
    import_mpose(openpose, tmp_path / "again", shards=2)
    for path in out.rglob("*"):
        if path.is_file():
            assert (tmp_path / "again" / path.relative_to(out)).read_bytes() == path.read_bytes()
