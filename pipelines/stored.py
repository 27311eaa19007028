"""Stored: the poses of one clip, read back from a finished data set."""

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from posebeam.pipelines.manifest import read_manifest
from posebeam.pipelines.schema import track_of
from posebeam.transforms.errors import ConfigError, DataError
from posebeam.transforms.skeleton import skeleton
from posebeam.transforms.track import PoseTrack

_SHOWN = 5  # names in an error


@dataclass(frozen=True, eq=False)
class StoredClip:
    """The tracks of all people of a clip of width x height pixels, segment by segment.

    seconds is the time of each frame that a track holds, by its number.
    """

    clip_id: str
    label: str
    size: tuple[int, int]
    tracks: tuple[PoseTrack, ...]
    seconds: dict[int, float]

    @property
    def people(self) -> NDArray[np.int64]:
        """The numbers of the people, rising."""
        return np.unique([track.person for track in self.tracks])


def read_clip(out: Path, name: str) -> StoredClip:
    """The clip that `name` means (see find_clip). DataError if OUT is unfinished or holds no poses."""
    manifest = read_manifest(out)
    files = [out / file["path"] for file in manifest["files"] if file["product"] == "poses"]
    if not files:
        found = "only windows" if manifest["config"]["backbone"] else "none were asked for when it was built"
        raise DataError(f"{out} holds no poses, {found}")
    ids = {path: _clip_ids(path) for path in files}
    clip_id = find_clip(name, sorted({clip_id for own in ids.values() for clip_id in own}), out)
    rows: list[dict[str, Any]] = []
    for path in files:
        if clip_id in ids[path]:
            rows += pq.read_table(path, filters=[("clip_id", "==", clip_id)], partitioning=None).to_pylist()
    return _clip(rows, manifest["config"]["skeleton"])


def read_clips(out: Path, clip_ids: Sequence[str]) -> dict[str, StoredClip]:
    """Several clips by their ids, without those of which OUT holds no poses. DataError if OUT is unfinished."""
    manifest = read_manifest(out)
    files = [out / file["path"] for file in manifest["files"] if file["product"] == "poses"]
    rows: dict[str, list[dict[str, Any]]] = {}
    for path in files:
        wanted = [("clip_id", "in", list(clip_ids))]
        for row in pq.read_table(path, filters=wanted, partitioning=None).to_pylist() if clip_ids else ():
            rows.setdefault(row["clip_id"], []).append(row)
    return {clip_id: _clip(own, manifest["config"]["skeleton"]) for clip_id, own in rows.items()}


def _clip_ids(path: Path) -> set[str]:
    return set(pq.read_table(path, columns=["clip_id"], partitioning=None)["clip_id"].to_pylist())


def _clip(rows: Sequence[dict[str, Any]], skeleton_name: str) -> StoredClip:
    """Rows of poses of one clip."""
    first, joints = rows[0], len(skeleton(skeleton_name))
    return StoredClip(
        clip_id=first["clip_id"],
        label=first["label_name"],
        size=(first["width"], first["height"]),
        tracks=tuple(track_of(row, skeleton_name, joints) for row in rows),
        seconds={
            number: at for row in rows for number, at in zip(row["frames"], row["seconds"], strict=True)
        },
    )  # fmt: skip


def find_clip(name: str, clip_ids: Sequence[str], out: Path) -> str:
    """The clip id that is `name`, or else the only one that ends with it, with or without its suffix.

    ConfigError with names that are near, or with those that it could mean.
    """
    if name in clip_ids:
        return name
    wanted = name.lstrip("/")
    found = [clip_id for clip_id in clip_ids if wanted and _stem(clip_id, wanted).endswith(wanted)]
    if len(found) == 1:
        return found[0]
    if found:
        more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
        raise ConfigError(f"{name!r} could mean {', '.join(found[:_SHOWN])}{more} of {out}: say more of its name")
    raise ConfigError(
        f"{out} holds no poses of a clip {name!r}{_hint(name, clip_ids)}. A clip in which nobody was seen has "
        "none, and one that was rejected stands in rejected/"
    )


def _hint(name: str, clip_ids: Sequence[str]) -> str:
    """Clips that may have been meant, by their whole ids or by their files' names."""
    by_name = {spelt: clip_id for clip_id in clip_ids for spelt in (PurePosixPath(clip_id).name, clip_id)}
    near = dict.fromkeys(by_name[spelt] for spelt in difflib.get_close_matches(name, by_name, n=3, cutoff=0.5))
    if near:
        return f"; near: {', '.join(near)}"
    return f"; one of {len(clip_ids)} is {clip_ids[0]}" if clip_ids else ""


def _stem(clip_id: str, wanted: str) -> str:
    """The clip id as far as the wanted name goes: its suffix counts if the name has one."""
    path = PurePosixPath(clip_id)
    return clip_id if wanted.endswith(path.suffix) else str(path.with_suffix(""))
