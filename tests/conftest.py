"""What all tests share."""

import importlib.util
import os
import shlex
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import count
from pathlib import Path
from types import ModuleType
from typing import Any

import click
import cv2
import h5py
import numpy as np
import pytest
from hypothesis import settings
from numpy.typing import NDArray

from posebeam.models.extractors import extractor
from posebeam.pipelines import schema
from posebeam.pipelines.clip import ClipRef
from posebeam.pipelines.features.schema import feature_row
from posebeam.pipelines.features.schema import features as feature_schema
from posebeam.pipelines.images.schema import image_row, images
from posebeam.pipelines.manifest import make_manifest, write_manifest
from posebeam.pipelines.plan import Plan
from posebeam.pipelines.publish import file_sha256
from posebeam.pipelines.receipt import FileFacts, Receipt
from posebeam.pipelines.settings import PoseSettings, Settings
from posebeam.pipelines.shard import ShardName, write_parquet
from posebeam.transforms.skeleton import skeleton
from posebeam.transforms.track import PoseTrack
from posebeam.transforms.windows import Windower, WindowRule
from posebeam.workflows.cli import cli

# A busy machine is no failure: properties have no deadline, the tests as a whole have.
settings.register_profile("posebeam", deadline=None)
settings.register_profile("soak", deadline=None, max_examples=2000)
settings.load_profile("posebeam")


def pytest_addoption(parser: pytest.Parser) -> None:
    """What `make soak` sets."""
    parser.addoption("--soak", action="store_true", help="tests/soak at full size, and a table of its figures")
    parser.addoption("--soak-json", metavar="FILE", help="the figures of --soak as JSON")
    parser.addoption("--slow", action="store_true", help="every pose recipe trained on eight people: minutes each")


def pytest_configure(config: pytest.Config) -> None:
    """Properties that say no number of their own are asked more often by --soak."""
    if config.getoption("--soak"):
        settings.load_profile("soak")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A file's tests run in one process, which makes what they share once."""
    for item in items:
        if item.get_closest_marker("xdist_group") is None:
            item.add_marker(pytest.mark.xdist_group(str(item.path.relative_to(Path(__file__).parent))))


@pytest.fixture(scope="session")
def damage() -> ModuleType:
    """damage.py as a module: good files made bad."""
    spec = importlib.util.spec_from_file_location("posebeam_damage", Path(__file__).parent / "damage.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Path]:
    """A new folder for every example of a property: what the last one left is not read again."""
    root, numbers = tmp_path_factory.mktemp("examples"), count()

    def make() -> Path:
        folder = root / str(next(numbers))
        folder.mkdir()
        return folder

    return make


@pytest.fixture(scope="session")
def foreign_data() -> Path:
    """Real data that is not part of the product; the folder that POSEBEAM_TEST_DATA names."""
    folder = os.environ.get("POSEBEAM_TEST_DATA")
    if not folder:
        pytest.skip("POSEBEAM_TEST_DATA names no folder with real data")
    if not Path(folder).is_dir():
        pytest.fail(f"POSEBEAM_TEST_DATA={folder} is no folder")
    return Path(folder)


@pytest.fixture
def parse_command(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], str]:
    """Parses a line as a shell and posebeam would: the command's name. Paths need not be there.

    click's UsageError says what is wrong with the line: an unknown command or flag, a value that is none, an
    argument that is missing.
    """

    def parse(line: str) -> str:
        words = shlex.split(line, comments=True)
        cut = (index for index, word in enumerate(words) if word in ("--", ">", "|", "&&"))  # Beam's, the shell's
        name, *rest = words[1 : next(cut, len(words))]
        context = click.Context(cli, info_name="posebeam")
        command = cli.get_command(context, name)
        if command is None:
            raise click.UsageError(f"no such command: {name}")
        for parameter in command.params:
            if isinstance(parameter.type, click.Path):
                monkeypatch.setattr(parameter, "type", click.types.FuncParamType(Path))
            if "argument" in getattr(parameter.callback, "__module__", ""):  # asks whether a path is there
                monkeypatch.setattr(parameter, "callback", None)
        if "--help" not in rest:
            command.make_context(name, rest, parent=context)
        return name

    return parse


@pytest.fixture(scope="session")
def media() -> Path:
    """The small real videos that ship with the repository."""
    return Path(__file__).parent / "media"


_BODY = {
    "nose": (0, -30), "eye": (5, -35), "ear": (9, -32), "shoulder": (20, 0), "elbow": (26, 30),
    "wrist": (28, 55), "hip": (13, 60), "knee": (14, 100), "ankle": (14, 140),
}  # fmt: skip
_SWINGS = {"lift": (0, -45), "rest": (0, 0), "spread": (45, 0)}  # what the wrists do, in pixels


def _action(label: str, frames: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """xy [frames, 17, 2] of somebody who lifts or spreads the hands, somewhere, at some size and speed."""
    joints = skeleton("coco17").joints
    side = np.array([(-1 if joint.startswith("right") else 1, 1) for joint in joints])
    body = side * [_BODY[joint.split("_")[-1]] for joint in joints]
    moves = side * [_SWINGS[label] if joint.endswith("wrist") else (0, 0) for joint in joints]
    swing = 1 + np.sin(np.arange(frames) * rng.uniform(0.3, 0.5) + rng.uniform(0, 6))
    xy = rng.uniform(0.5, 2) * (body + swing[:, None, None] * moves) + rng.uniform(100, 300, 2)
    return (xy + rng.normal(0, 1, xy.shape)).astype(np.float32)


def _windows_of(ref: ClipRef, number: int, rule: WindowRule, labels: Sequence[str]) -> Any:
    """The rows of one made clip of 60 frames."""
    xy, frames = _action(ref.label, 60, np.random.default_rng(number)), np.arange(60, dtype=np.int32)
    windower = Windower(rule)
    track = PoseTrack(ref.clip_id, 0, "coco17", frames, xy, np.ones((60, 17), np.float32))
    found = windower.push(track) + windower.finish()
    return schema.window_rows(schema.clip_columns(ref, sorted(labels)), found, rule.length)


@pytest.fixture(scope="session")
def make_windows() -> Callable[..., Path]:
    """Writes a finished data set of made windows: 3 labels, some groups a label, 2 clips a group, 3 windows a
    clip.

    Groups 0 and 1 test in split 1, 2 and 3 in split 2, 4 and 5 in split 3; split 1 names the files;
    official=False: no official splits, 0 and 1 test and the last group validates. In the clips of these numbers
    that are `silent` nobody was seen; listed=False: a data set of before, without rows of all clips.
    """

    def make(
        out: Path, groups: int = 8, official: bool = True, labels: Sequence[str] = tuple(_SWINGS),
        backbone: str = "movenet-lightning", row_group: int = 1024, silent: Sequence[int] = (),
        listed: bool = True, **rule: Any,
    ) -> Path:  # fmt: skip
        cut = WindowRule(**{"min_score": 0.2, **rule})
        tables: dict[ShardName, list[tuple[ClipRef, Any]]] = {}
        for number in range(len(labels) * groups * 2):
            label, group = labels[number % len(labels)], number // len(labels) % groups
            splits = tuple("test" if group // 2 == k else "train" for k in range(3))
            own = "test" if group < 2 else "validation" if group == groups - 1 else "train"
            split = splits[0] if official else own
            clip_id = f"{label}/{number}.avi"
            ref = ClipRef("", clip_id, label, f"g{group}", split, 1, splits if official else ())
            rows = _windows_of(ref, number, cut, labels)
            tables.setdefault(ShardName(split, 0, 1), []).append((ref, rows[: 0 if number in silent else None]))
        return _write(out, tables, cut, sorted(labels), backbone, row_group, listed)

    return make


def _write(
    out: Path, tables: dict[ShardName, list[tuple[ClipRef, Any]]], cut: WindowRule, classes: Sequence[str],
    backbone: str, row_group: int, listed: bool,
) -> Path:  # fmt: skip
    """Files and manifest as a build leaves them."""
    product, receipts = replace(schema.windows(cut.length), row_group=row_group), []
    for name, parts in tables.items():
        files = [_file(out, name, product, [rows for _, rows in parts])]
        if listed:
            told = [_clip_of(ref, len(rows), classes) for ref, rows in parts]
            files.append(_file(out, name, schema.clips(), told))
        receipts.append(Receipt(str(name), "", "", built=len(parts), rejected=0, files=tuple(files)))
    poses = PoseSettings(kind="videos", backbone=backbone, weights_sha256="0" * 64)
    shards = {name: (len(parts), "") for name, parts in tables.items()}
    plan = Plan(Settings(poses, cut), tuple(classes), shards, 0, 0)
    write_manifest(make_manifest(plan, receipts, "coco17"), out)
    return out


def _clip_of(ref: ClipRef, windows: int, classes: Sequence[str]) -> Any:
    """The row of one made clip."""
    return schema.clip_row(schema.clip_columns(ref, classes), 60, int(windows > 0), windows, rejected=False)


def _file(out: Path, name: ShardName, product: schema.Product, tables: Sequence[Any]) -> FileFacts:
    """One file of a shard."""
    path = out / name.file(product.name)
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = write_parquet(path, product, tables, {})
    return FileFacts(name.file(product.name), product.name, rows, path.stat().st_size, file_sha256(path))


@pytest.fixture(scope="session")
def make_features() -> Callable[..., Path]:
    """Writes a finished data set of made features: labels, groups and splits as make_windows has them.

    A label lights features of its own in some frames; clips of even number have 8 frames, the others 20. Those of
    the numbers `unread` were rejected.
    """

    def make(
        out: Path, groups: int = 8, official: bool = True, labels: Sequence[str] = tuple(_SWINGS),
        features: str = "movenet-lightning", unread: Sequence[int] = (), row_group: int = 64,
    ) -> Path:  # fmt: skip
        facts = extractor(features)
        tables: dict[ShardName, list[tuple[Any, Any]]] = {}
        for number in range(len(labels) * groups * 2):
            label, group = labels[number % len(labels)], number // len(labels) % groups
            splits = tuple("test" if group // 2 == k else "train" for k in range(3))
            own = "test" if group < 2 else "validation" if group == groups - 1 else "train"
            split = splits[0] if official else own
            ref = ClipRef(
                "", f"{label}/{number:02d}.avi", label, f"g{group}", split, 1, splits if official else ()
            )
            columns, rejected = schema.clip_columns(ref, sorted(labels)), number in unread
            row = None if rejected else feature_row(columns, _features_of(number, columns["label"], facts.width))
            told = schema.clip_row(columns, 20, rejected=rejected)
            tables.setdefault(ShardName(split, 0, 1), []).append((row, told))
        poses = PoseSettings("videos", "", "", features=features, features_sha256="0" * 64)
        return _write_features(out, tables, poses, sorted(labels), facts.width, row_group)

    return make


def _features_of(number: int, label: int, width: int) -> NDArray[np.float32]:
    """[n, width] of a made clip."""
    draw, frames = np.random.default_rng(number), 8 if number % 2 == 0 else 20
    found = draw.random((frames, width), np.float32)
    found[draw.integers(0, frames, 5), 100 * label : 100 * label + 100] += 2
    return found


def _write_features(
    out: Path, tables: dict[ShardName, list[tuple[Any, Any]]], poses: PoseSettings, classes: Sequence[str],
    width: int, row_group: int,
) -> Path:  # fmt: skip
    """Files and manifest as a build leaves them."""
    product, receipts = replace(feature_schema(width), row_group=row_group), []
    for name, parts in tables.items():
        rows = [row for row, _ in parts if row is not None]
        files = (_file(out, name, product, rows), _file(out, name, schema.clips(), [told for _, told in parts]))
        receipts.append(Receipt(str(name), "", "", len(rows), len(parts) - len(rows), files=files))
    shards = {name: (len(parts), "") for name, parts in tables.items()}
    plan = Plan(Settings(poses, WindowRule(min_score=0.0)), tuple(classes), shards, 0, 0)
    write_manifest(make_manifest(plan, receipts, ""), out)
    return out


@pytest.fixture(scope="session")
def make_images() -> Callable[..., Path]:
    """Writes a finished data set of images, each a mapping.

    picture: the file's bytes, or uint8 RGB [H, W, 3] that becomes a PNG; people: COCO's entries (id, bbox,
    keypoints, num_keypoints, area, iscrowd); split: train unless said; group: the image's own unless said; id: the
    annotation file's number, 1, 2, ... unless said.
    """

    def make(out: Path, pictures: Sequence[dict[str, Any]], row_group: int = 64) -> Path:
        product, tables = replace(images(), row_group=row_group), dict[ShardName, list[Any]]()
        for number, one in enumerate(pictures):
            name, split = f"{number:06d}.png", one.get("split", "train")
            ref = ClipRef("", name, "image", one.get("group", name), split, 1)
            tables.setdefault(ShardName(split, 0, 1), []).append(_image_of(ref, one, number + 1))
        parts = {name: (rows, _file(out, name, product, rows)) for name, rows in tables.items()}
        receipts = [
            Receipt(str(name), "", "", len(rows), 0, files=(file,)) for name, (rows, file) in parts.items()
        ]
        poses = PoseSettings(kind="coco-images", backbone="", weights_sha256="", images=True)
        shards = {name: (len(rows), "") for name, rows in tables.items()}
        plan = Plan(Settings(poses, WindowRule(min_score=0.2)), ("image",), shards, 0, 0)
        write_manifest(make_manifest(plan, receipts, ""), out)
        return out

    return make


def _image_of(ref: ClipRef, one: dict[str, Any], number: int) -> Any:
    """The row of one made image."""
    picture = one["picture"]
    content = picture if isinstance(picture, bytes) else cv2.imencode(".png", picture[..., ::-1])[1].tobytes()
    height, width = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR).shape[:2]
    clip, people = schema.clip_columns(ref, ["image"]), one.get("people", ())
    return image_row(clip, ref.clip_id, one.get("id", number), (width, height), content, people)


def _keras_weights(network: Any, first: int) -> list[tuple[str, list[tuple[str, Any]]]]:
    """AcT's layers, each with names and arrays in order, as Keras 2 writes them; numbers count on from `first`."""
    state = {name: value.numpy() for name, value in network.state_dict().items()}
    numbers = count(first)

    def dense(scope: str, tensor: str, name: str = "") -> list[tuple[str, Any]]:
        scope = f"{scope}{name or f'dense_{next(numbers)}'}"
        return [(f"{scope}/kernel:0", state[f"{tensor}.weight"].T), (f"{scope}/bias:0", state[f"{tensor}.bias"])]

    def norm(scope: str, tensor: str) -> list[tuple[str, Any]]:
        scope = f"{scope}/layer_normalization_{next(numbers)}"
        return [(f"{scope}/gamma:0", state[f"{tensor}.weight"]), (f"{scope}/beta:0", state[f"{tensor}.bias"])]

    encoder = []
    for index in range(len(network.layers)):
        scope, own = f"transformer_encoder_3/transformer_encoder_layer_{index}", f"layers.{index}"
        for part in "qkvo":
            encoder += dense(f"{scope}/multi_head_attention_{index}/", f"{own}.{part}")
        encoder += [*dense("", f"{own}.ff1"), *dense("", f"{own}.ff2")]
        encoder += [*norm(scope, f"{own}.norm1"), *norm(scope, f"{own}.norm2")]
    patches = [("Variable:0", state["class_token"])]
    patches += [("patch_class_embedding_3/embedding_3/embeddings:0", state["position"])]
    return [
        ("input_4", []), ("dense_A", dense("", "embed", "dense_A")), ("patch_class_embedding_3", patches),
        ("transformer_encoder_3", encoder), ("lambda_3", []),
        ("dense_B", dense("", "head1", "dense_B")), ("dense_C", dense("", "head2", "dense_C")),
    ]  # fmt: skip


@pytest.fixture(scope="session")
def write_act_h5() -> Callable[..., Path]:
    """Writes AcT's weights by the published names and shapes, as save_weights leaves them; below: in a group."""

    def write(path: Path, network: Any, first: int = 24, below: str = "") -> Path:
        with h5py.File(path, "w") as file:
            root, layers = file.create_group(below) if below else file, _keras_weights(network, first)
            root.attrs["layer_names"] = [name.encode() for name, _ in layers]
            for layer, weights in layers:
                group = root.create_group(layer)
                group.attrs["weight_names"] = [name.encode() for name, _ in weights]
                for name, values in weights:
                    group.create_dataset(name, data=values)
        return path

    return write
