"""ExportPyskl: the stored poses of a data set as a skeleton pickle for PYSKL and MMAction2 (sources/pyskl.py).

Whose poses: everybody's, as they are stored, the clip's main person first and the others in the order of their
numbers, for the graph networks there take the first one or two. A frame without a person holds zeros and scores
of 0. Joints are float32: half precision, in which PYSKL publishes, rounds to a pixel beyond x = 1024.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import chain, groupby
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from posebeam.pipelines.manifest import read_manifest
from posebeam.pipelines.pickles.writer import PickleWriter
from posebeam.pipelines.publish import unfinished
from posebeam.pipelines.schema import VERSION, track_of
from posebeam.pipelines.settings import STILLS
from posebeam.pipelines.sources.pyskl import RECORD
from posebeam.transforms.errors import DataError
from posebeam.transforms.main_person import MainPerson
from posebeam.transforms.skeleton import skeleton
from posebeam.transforms.track import PoseTrack

_PARTS = {"train": "train", "validation": "val", "test": "test"}  # as PYSKL calls them
_RECORDED = ("skeleton", "backbone", "weights_sha256", "min_score", "fps")


def export_pyskl(out: Path, file: Path) -> dict[str, Any]:
    """Write FILE, whole or not at all, from the poses of the data set OUT; return what the command tells.

    Its splits are train, val and test, and train1, test1, ... where there are official ones. Clips in which nobody
    was seen have no place in the format and are left out, as rejected ones are. In memory: the poses of one clip
    as they are stored, one person of it frame by frame, and the names of all clips. Equal data sets are equal
    bytes. DataError if OUT is unfinished, holds no poses of videos, or does not know its frames' sizes.
    """
    manifest = read_manifest(out)
    if manifest["config"]["kind"] in STILLS:
        raise DataError(f"{out} holds poses of images: PYSKL's skeletons are of clips; .json gives COCO results")
    files = {product: _files(out, manifest, product) for product in ("poses", "clips")}
    if not files["poses"] or not files["clips"]:
        raise DataError(
            f"{out} holds no poses, or no list of its clips: build it from the videos with this posebeam"
        )
    known = _known(files["clips"])
    with unfinished(file) as path, path.open("wb") as opened, PickleWriter(opened) as writer, writer.dict():
        counts = _annotations(writer, out, files["poses"], known, manifest["config"])
        written = {clip_id: row for clip_id, row in known.items() if row["written"]}
        writer.value("split")
        writer.value(_splits(written))
        writer.value(RECORD)
        writer.value(_record(manifest, written))
    left = [row["rejected"] for row in known.values() if not row["written"]]
    return {**counts, "clips without a person": left.count(False), "clips rejected": left.count(True)}


def _files(out: Path, manifest: dict[str, Any], product: str) -> list[tuple[Path, str]]:
    """The files of a product with the split that they are of."""
    return [(out / file["path"], file["split"]) for file in manifest["files"] if file["product"] == product]


def _known(files: Sequence[tuple[Path, str]]) -> dict[str, dict[str, Any]]:
    """The row of each clip, with its part and whether it is written."""
    columns = ["clip_id", "group", "frames", "rejected", "split1", "split2", "split3"]
    return {
        row["clip_id"]: {**row, "part": part, "written": False}
        for path, part in files
        for row in pq.read_table(path, columns=columns, partitioning=None).to_pylist()
    }


def _annotations(
    writer: PickleWriter, out: Path, files: Sequence[tuple[Path, str]], known: dict[str, dict[str, Any]],
    config: dict[str, Any],
) -> dict[str, int]:  # fmt: skip
    """Write the annotations, and mark their clips as written; what there is of them."""
    people, frames = 0, 0
    writer.value("annotations")
    with writer.list():
        for path, _ in files:
            for row, tracks in _clips(path, config["skeleton"]):
                held = known[row["clip_id"]]
                held["written"] = True
                if not (row["width"] and row["height"]):
                    raise DataError(
                        f"{out} does not know the size of its frames (clip {row['clip_id']}), which PYSKL needs: "
                        f"its poses came without ({config['kind']})"
                    )
                length = max(held["frames"], 1 + max(int(track.frames[-1]) for track in tracks))
                people += _annotation(writer, row, tracks, length, config)
                frames += length
    written = sum(held["written"] for held in known.values())
    return {"clips": written, "people": people, "frames": frames}


def _clips(path: Path, skeleton_name: str) -> Iterator[tuple[dict[str, Any], list[PoseTrack]]]:
    """A row of each clip in a file of poses, and the clip's tracks."""
    joints = len(skeleton(skeleton_name))
    rows = (row for batch in pq.ParquetFile(path).iter_batches(8) for row in batch.to_pylist())
    for _, own in groupby(rows, key=lambda row: row["clip_id"]):
        first = next(own)
        yield first, [track_of(row, skeleton_name, joints) for row in chain((first,), own)]


def _annotation(
    writer: PickleWriter, row: dict[str, Any], tracks: Sequence[PoseTrack], length: int, config: dict[str, Any]
) -> int:
    """Write a clip of `length` frames; the number of its people."""
    people, K = _people(tracks, config["min_score"]), len(tracks[0].skeleton)
    shape = (row["height"], row["width"])
    plain = {
        "frame_dir": row["clip_id"], "label": row["label"], "img_shape": shape, "original_shape": shape,
        "total_frames": length, "person": people,
    }  # fmt: skip
    with writer.dict():
        for key, value in plain.items():
            writer.value(key)
            writer.value(value)
        own = [[track for track in tracks if track.person == person] for person in people]
        writer.value("keypoint")
        writer.array((len(people), length, K, 2), (_dense(held, "xy", length) for held in own))
        writer.value("keypoint_score")
        writer.array((len(people), length, K), (_dense(held, "score", length) for held in own))
    return len(people)


def _people(tracks: Sequence[PoseTrack], min_score: float) -> list[int]:
    """The numbers of a clip's people, the main person's first."""
    main = MainPerson(min_score)
    for track in tracks:
        main.add(track)
    return sorted({track.person for track in tracks}, key=lambda person: (person != main.person, person))


def _dense(tracks: Sequence[PoseTrack], name: str, length: int) -> NDArray[np.float32]:
    """xy [length, K, 2] or score [length, K] of one person, 0 in frames without them."""
    whole = np.zeros((length, *getattr(tracks[0], name).shape[1:]), np.float32)
    for track in tracks:
        whole[track.frames] = getattr(track, name)
    return whole


def _splits(written: dict[str, dict[str, Any]]) -> dict[str, list[str]]:
    """The clips of each split, those of the files first, then the official ones."""
    splits: dict[str, list[str]] = defaultdict(list)
    for clip_id, row in written.items():
        splits[_PARTS[row["part"]]].append(clip_id)
    for number in (1, 2, 3):
        for clip_id, row in written.items():
            if row[f"split{number}"] is not None:
                splits[f"{_PARTS[row[f'split{number}']]}{number}"].append(clip_id)
    return dict(splits)


def _record(manifest: dict[str, Any], written: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """What the format has no place for: where the poses come from, names of classes, groups of clips."""
    return {
        "schema": VERSION,
        **{name: manifest["config"][name] for name in _RECORDED},
        "classes": list(manifest["classes"]),
        "groups": {clip_id: row["group"] for clip_id, row in written.items()},
    }
