"""ImportKinds: what posebeam import does with a file of each kind; each gives a title and facts to tell."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from posebeam.pipelines.imports import coco_results, mpose, openpose, pyskl
from posebeam.pipelines.imports.imported import LAYOUTS, SEEN
from posebeam.pipelines.listing import Listing
from posebeam.pipelines.sources.mpose import CLASSES
from posebeam.pipelines.sources.openpose_json import list_clips
from posebeam.pipelines.sources.pyskl import list_clips as list_annotations
from posebeam.pipelines.sources.pyskl import read_pyskl
from posebeam.transforms.errors import ConfigError
from posebeam.transforms.windows import WindowRule
from posebeam.workflows.action.published import import_act
from posebeam.workflows.console import say

if TYPE_CHECKING:
    from posebeam.workflows.commands.import_ import ImportConfig

Told = tuple[str, dict[str, Any]]


def _act(file: Path, out: Path, config: "ImportConfig") -> Told:
    record = import_act(file, out, _classes(config), max(config.split, 0))
    names = ("model", "parameters", "classes")
    facts = {name: record[name] for name in names} | {name: record["data"][name] for name in ("layout", "chain")}
    return f"run {out}", facts


def _openpose(file: Path, out: Path, config: "ImportConfig") -> Told:
    listing = _told(list_clips(file, group=config.group or None, seed=config.seed))
    skeleton = openpose.find_skeleton(listing)
    rule = _rule(config, config.layout or LAYOUTS[skeleton], SEEN)
    manifest = openpose.import_openpose(listing, skeleton, rule, out, rate=config.rate, shards=config.shards)
    return _data_set(out, manifest)


def _pyskl(file: Path, out: Path, config: "ImportConfig") -> Told:
    annotations = read_pyskl(file)
    protocol = config.protocol or (str(config.split) if config.split > 0 else "")
    listing = list_annotations(
        annotations, classes=_classes(config), protocol=protocol, group=config.group or None, seed=config.seed
    )
    rule = _rule(
        config, config.layout or LAYOUTS.get(annotations.skeleton, "act13-coco"), pyskl.min_score_of(annotations)
    )
    official = int(protocol) if protocol in ("1", "2", "3") else 1
    manifest = pyskl.import_pyskl(
        annotations, _told(listing), rule, out, rate=config.rate, split=official, shards=config.shards
    )
    return _data_set(out, manifest)


def _mpose(file: Path, out: Path, config: "ImportConfig") -> Told:
    manifest = mpose.import_mpose(
        file,
        out,
        split=1 if config.split < 0 else config.split,
        layout_name=config.layout,
        chain_name=config.chain,
        classes=_classes(config) or CLASSES,
        shards=config.shards,
    )
    return _data_set(out, manifest)


def _coco_results(file: Path, out: Path, config: "ImportConfig") -> Told:
    if not config.annotations:
        raise ConfigError("coco-results needs --annotations person_keypoints_*.json: it names the images")
    manifest = coco_results.import_results(
        file,
        Path(config.annotations),
        out,
        min_score=SEEN if config.min_score < 0 else config.min_score,
        chain_name=config.chain,
        layout_name=config.layout or "act13-coco",
        shards=config.shards,
    )
    return _data_set(out, manifest)


def _told(listing: Listing) -> Listing:
    """The listing, after what a user should be told of it."""
    lists = {"named by a split and not there": listing.missing, "in no split, left out": listing.unlisted}
    counted = (f"{len(names):,} clips {text}, as {names[0]}" for text, names in lists.items() if names)
    for text in (*listing.warnings, *counted):
        say(f"note: {text}")
    return listing


def _rule(config: "ImportConfig", layout: str, seen: float) -> WindowRule:
    """The rule of the flags; seen is the score from which a joint counts where none is given."""
    return WindowRule(
        length=config.window, stride=config.stride, mode=config.windows, short=config.short, gaps=config.gaps,
        person=config.person, min_score=seen if config.min_score < 0 else config.min_score, chain=config.chain,
        layout=layout,
    )  # fmt: skip


def _classes(config: "ImportConfig") -> tuple[str, ...]:
    """The names in the file; none without one."""
    if not config.classes:
        return ()
    try:
        lines = Path(config.classes).read_text("utf-8-sig").splitlines()
    except (OSError, ValueError) as error:
        raise ConfigError(f"--classes {config.classes} cannot be read: {error}") from error
    return tuple(line.strip() for line in lines if line.strip())


def _data_set(out: Path, manifest: dict[str, Any]) -> Told:
    config = manifest["config"]
    facts = manifest["clips"] | manifest["rows"] | {name: config[name] for name in ("skeleton", "layout", "chain")}
    return f"data set {out}", facts


IMPORTS: dict[str, Callable[[Path, Path, "ImportConfig"], Told]] = {
    "act-h5": _act, "openpose-json": _openpose, "pyskl": _pyskl, "mpose": _mpose, "coco-results": _coco_results,
}  # fmt: skip
