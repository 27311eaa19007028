"""Mpose: sequences of MPOSE2021 to a data set of windows."""

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from posebeam.pipelines.clip import ClipRef
from posebeam.pipelines.clip_table import count_windows, silences
from posebeam.pipelines.imports.imported import LAYOUTS, SEEN, import_data, imported_settings
from posebeam.pipelines.job import Job
from posebeam.pipelines.product_file import publish_product
from posebeam.pipelines.publish import workspace
from posebeam.pipelines.receipt import Receipt
from posebeam.pipelines.schema import clip_columns, clip_row, clips, rejected, window_rows, windows
from posebeam.pipelines.shard import ShardName
from posebeam.pipelines.sources.mpose import CLASSES, PARTS, Mpose, list_clips, read_mpose
from posebeam.transforms.chain import FEATURES, chain
from posebeam.transforms.errors import ConfigError, SourceError
from posebeam.transforms.layout import CHANNELS, layout
from posebeam.transforms.windows import Window, WindowRule

_BACKBONES = {"body25": "openpose", "coco17": "coco17"}
_SLACK = 1e-4  # of the largest value: velocities that went through single precision


def import_mpose(
    path: Path,
    out: Path,
    *,
    split: int = 1,
    layout_name: str = "",
    chain_name: str = "act",
    classes: Sequence[str] = CLASSES,
    shards: int = 0,
) -> dict[str, Any]:
    """MPOSE2021 at `path` (see sources.mpose) to a data set OUT of windows; returns its manifest.

    One window a sequence. Raw poses go through the chain, features are taken as they are: they are what chain
    `act` gives, and their layout must be named, for nothing in them tells it.
    """
    mpose = read_mpose(path, split)
    if mpose.is_features and not layout_name:
        raise ConfigError(
            f"{path} holds features {list(mpose.shape)}: say with --layout whose they are "
            "(MPOSE's openpose: act13-body25; posenet and movenet: act13-coco)"
        )
    if mpose.is_features and chain_name != "act":
        raise ConfigError(f"{path} holds features of the chain 'act', {chain_name!r} needs raw poses")
    chosen = layout_name or LAYOUTS[mpose.skeleton]
    length, skeleton_name = mpose.shape[0], mpose.skeleton or layout(chosen).base.name
    rule = WindowRule(length=length, stride=length, gaps="drop", min_score=SEEN, chain=chain_name, layout=chosen)
    settings = imported_settings("mpose", _BACKBONES[skeleton_name], rule, split, shards)
    write = partial(_write_shard, mpose, _rows_of(mpose), out)
    return import_data(list_clips(mpose, classes), settings, skeleton_name, out, write)


def _rows_of(mpose: Mpose) -> dict[str, tuple[str, int]]:
    """Part and row of each id."""
    return {name: (part, row) for part in PARTS for row, name in enumerate(mpose.ids[part])}


def _write_shard(
    mpose: Mpose, rows: dict[str, tuple[str, int]], out: Path, job: Job, name: ShardName, refs: Sequence[ClipRef]
) -> Receipt:
    footer, frames = partial(job.footer, skeleton=mpose.skeleton), mpose.shape[0]
    with workspace(out) as folder:
        publish = partial(publish_product, out, folder, name)
        cut = _tables(mpose, rows, job, refs)
        files = [publish(windows(job.settings.windows.length), cut, footer("windows"))]
        held = count_windows(out / files[0].path)
        told = [
            clip_row(clip_columns(ref, job.classes), frames, there, there, rejected=False)
            for ref, there in ((ref, held[ref.clip_id]) for ref in refs)
        ]
        files.append(publish(clips(), told, footer("clips")))
        files.append(publish(rejected(), iter(()), footer("rejected")))
    return Receipt(
        str(name), job.plan_hash, job.refs[str(name)], len(refs), 0, len(refs) * frames,
        warnings=tuple(warning for row in told for warning in silences(row)), files=tuple(files),
    )  # fmt: skip


def _tables(
    mpose: Mpose, rows: dict[str, tuple[str, int]], job: Job, refs: Sequence[ClipRef]
) -> Iterator[pa.Table]:
    """A table a sequence; a sequence in which no joint was seen has no window."""
    if not refs:
        return
    taken = np.stack([mpose.x[part][row] for part, row in (rows[ref.clip_id] for ref in refs)]).astype(np.float64)
    rule = job.settings.windows
    with np.errstate(over="ignore", invalid="ignore"):
        x, valid = _features(mpose, taken) if mpose.is_features else _chained(mpose, taken, rule)
        x = x.astype(np.float32)
    for ref, features, seen in zip(refs, x, valid, strict=True):
        if not np.isfinite(features).all():
            raise SourceError(
                f"{mpose.path}: {ref.clip_id} has numbers that are too large, or none, for positions"
            )
        found = [Window(ref.clip_id, 0, 0, features, seen)] if seen.any() else []
        yield window_rows(clip_columns(ref, job.classes), found, rule.length)


def _chained(
    mpose: Mpose, poses: NDArray[np.float64], rule: WindowRule
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Poses [m, T, K, 2 or 3] to features [m, T, 52] and valid [m, T, 13]."""
    xy = np.nan_to_num(poses[..., :2])
    score = np.nan_to_num(poses[..., 2]) if poses.shape[-1] == 3 else (xy != 0).any(-1)
    return chain(rule.chain).apply(xy, score >= rule.min_score, mpose.skeleton, rule.layout)


def _features(mpose: Mpose, taken: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """[m, T, 52] or [m, T, 13, 4 or 5] to features [m, T, 52] and valid [m, T, 13].

    Without scores a joint counts as seen in every frame whose positions are not all 0. SourceError if the
    velocities are not the steps of the positions, from the first position on: the published chain gives those.
    """
    joints = taken.reshape(*taken.shape[:2], FEATURES // CHANNELS, -1)
    x = joints[..., :CHANNELS]
    steps = np.diff(x[..., :2], axis=1, prepend=0.0)
    apart = np.abs(x[..., 2:] - steps).max()
    if not apart <= _SLACK * max(1.0, np.abs(x).max()):
        raise SourceError(
            f"{mpose.path}: velocities differ by {apart:.3g} from the steps of the positions; expected x, y, vx, "
            "vy of each joint as velocities=True with scale_and_center give them"
        )
    there = (x[..., :2] != 0).any((-1, -2))[..., None] & np.ones(13, bool)
    seen = there & (joints[..., CHANNELS] > 0) if joints.shape[-1] > CHANNELS else there
    return x.reshape(*taken.shape[:2], FEATURES), seen
