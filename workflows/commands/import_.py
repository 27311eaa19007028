"""posebeam import: what other programs made, as a run or a data set."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from posebeam.workflows.argument import Local, NewDataSet
from posebeam.workflows.commands.build import BuildConfig
from posebeam.workflows.config import flags, option, resolve, same
from posebeam.workflows.help import OUTPUT, HelpPage

if TYPE_CHECKING:
    from posebeam.pipelines.listing import Listing
    from posebeam.transforms.windows import WindowRule

KINDS = ("act-h5", "openpose-json", "pyskl", "mpose", "coco-results")


@dataclass(frozen=True)
class ImportConfig:
    """The flags of posebeam import."""

    classes: str = option(
        "",
        "act-h5, mpose, pyskl: text file of class names, a line each, in the order of outputs or labels; else "
        "MPOSE's, or those in the file, or class-000, class-001.",
    )
    split: int = option(
        -1,
        "mpose, pyskl: official split that names the files, else 1; act-h5: the one trained on, else the files'.",
    )
    protocol: str = option(
        "", "pyskl: which of the file's splits: xsub of xsub_train and xsub_val, 2 of train2; else plain ones.",
    )  # fmt: skip
    annotations: str = option("", "coco-results: person_keypoints_*.json that names the images. Required.")
    layout: str = option(
        "", "Order of the 13 joints; else what the skeleton gives.", ("act13-coco", "act13-body25")
    )
    chain: str = same(BuildConfig, "chain")
    group: str = option(
        "", "openpose-json, pyskl: REGEX on the clip; what it captures stays on one side of every split.",
    )  # fmt: skip
    seed: int = option(0, "openpose-json, pyskl: seed of the split into train, validation, test.")
    rate: float = option(25.0, "openpose-json, pyskl: frames a second of the videos.")
    min_score: float = option(
        -1.0, "A joint scored lower is missing; -1: take all that were found. Not for mpose."
    )
    window: int = same(BuildConfig, "window")
    stride: int = same(BuildConfig, "stride")
    windows: str = same(BuildConfig, "windows")
    short: str = same(BuildConfig, "short")
    gaps: str = same(BuildConfig, "gaps")
    person: str = same(BuildConfig, "person")
    shards: int = same(BuildConfig, "shards")


SECTIONS = {
    "KIND": {
        "act-h5": "published AcT weights of Keras; OUT becomes a run for evaluate and export",
        "openpose-json": "a folder <label>/<clip>/ or <split>/<label>/<clip>/ of --write_json",
        "pyskl": "a skeleton pickle of PYSKL or MMAction2; nothing that it names is imported or run",
        "mpose": "MPOSE2021, an .npz or the folder with its splits",
        "coco-results": "keypoint results as JSON, of the images that --annotations names",
    },
    OUTPUT: {
        "OUT": "act-h5: a run, as train writes it; the others: a data set, as build writes it",
    },
}
EXAMPLES = (
    ("posebeam import act-h5 AcT_micro_1_0.h5 out/published", "a run; posebeam evaluate out/published DATA"),
    (
        "posebeam import openpose-json keypoints out/data --group '([a-z]+)_'",
        "poses that OpenPose found, in windows",
    ),
    (
        "posebeam import pyskl ntu60_hrnet.pkl out/data --protocol xsub",
        "a skeleton data set, by one of its splits",
    ),
    (
        "posebeam import coco-results results.json out/coco --annotations person_keypoints_val2017.json",
        "poses of images",
    ),
)


@click.command(cls=HelpPage, sections=SECTIONS, examples=EXAMPLES)
@click.argument("kind", type=click.Choice(KINDS), metavar="KIND")
@click.argument("file", type=Local(exists=True, path_type=Path))
@click.argument("out", type=NewDataSet())
@flags(ImportConfig)
def command(kind: str, file: Path, out: Path, config: Path | None, **given: Any) -> int:
    """Reads FILE, which is of KIND, and writes OUT.

    Window, stride, short, gaps and person are openpose-json's and pyskl's;
    MPOSE comes in windows, images have none. Followed in OpenPose's files is whoever has a person_id, else the
    person listed first in each frame; in a pickle each place among the people of an annotation is one person.
    """
    settings = resolve(ImportConfig, config, given)
    if kind == "act-h5":
        return _act(file, out, settings)
    kinds = {"openpose-json": _openpose, "pyskl": _pyskl, "mpose": _mpose, "coco-results": _coco_results}
    return _say(kinds[kind](file, out, settings), out)


def _act(file: Path, out: Path, config: ImportConfig) -> int:
    from posebeam.workflows.action.published import import_act
    from posebeam.workflows.console import facts_table, show

    record = import_act(file, out, _classes(config), max(config.split, 0))
    names = ("model", "parameters", "classes")
    facts = {name: record[name] for name in names} | {name: record["data"][name] for name in ("layout", "chain")}
    show(facts_table(f"run {out}", facts))
    return 0


def _openpose(file: Path, out: Path, config: ImportConfig) -> dict[str, Any]:
    from posebeam.pipelines.imports.imported import LAYOUTS, SEEN
    from posebeam.pipelines.imports.openpose import find_skeleton, import_openpose
    from posebeam.pipelines.sources.openpose_json import list_clips

    listing = _told(list_clips(file, group=config.group or None, seed=config.seed))
    skeleton = find_skeleton(listing)
    rule = _rule(config, config.layout or LAYOUTS[skeleton], SEEN)
    return import_openpose(listing, skeleton, rule, out, rate=config.rate, shards=config.shards)


def _told(listing: "Listing") -> "Listing":
    """The listing, after what a user should be told of it."""
    from posebeam.workflows.console import say

    lists = {"named by a split and not there": listing.missing, "in no split, left out": listing.unlisted}
    counted = (f"{len(names):,} clips {text}, as {names[0]}" for text, names in lists.items() if names)
    for text in (*listing.warnings, *counted):
        say(f"note: {text}")
    return listing


def _pyskl(file: Path, out: Path, config: ImportConfig) -> dict[str, Any]:
    from posebeam.pipelines.imports.imported import LAYOUTS
    from posebeam.pipelines.imports.pyskl import import_pyskl, min_score_of
    from posebeam.pipelines.sources.pyskl import list_clips, read_pyskl

    pyskl = read_pyskl(file)
    protocol = config.protocol or (str(config.split) if config.split > 0 else "")
    listing = list_clips(
        pyskl, classes=_classes(config), protocol=protocol, group=config.group or None, seed=config.seed
    )
    rule = _rule(config, config.layout or LAYOUTS.get(pyskl.skeleton, "act13-coco"), min_score_of(pyskl))
    official = int(protocol) if protocol in ("1", "2", "3") else 1
    return import_pyskl(
        pyskl, _told(listing), rule, out, rate=config.rate, split=official, shards=config.shards
    )  # fmt: skip


def _coco_results(file: Path, out: Path, config: ImportConfig) -> dict[str, Any]:
    from posebeam.pipelines.imports.coco_results import import_results
    from posebeam.pipelines.imports.imported import SEEN
    from posebeam.transforms.errors import ConfigError

    if not config.annotations:
        raise ConfigError("coco-results needs --annotations person_keypoints_*.json: it names the images")
    return import_results(
        file, Path(config.annotations), out, min_score=SEEN if config.min_score < 0 else config.min_score,
        chain_name=config.chain, layout_name=config.layout or "act13-coco", shards=config.shards,
    )  # fmt: skip


def _rule(config: ImportConfig, layout: str, seen: float) -> "WindowRule":
    """The rule of the flags; seen is the score from which a joint counts where none is given."""
    from posebeam.transforms.windows import WindowRule

    return WindowRule(
        length=config.window, stride=config.stride, mode=config.windows, short=config.short, gaps=config.gaps,
        person=config.person, min_score=seen if config.min_score < 0 else config.min_score, chain=config.chain,
        layout=layout,
    )  # fmt: skip


def _mpose(file: Path, out: Path, config: ImportConfig) -> dict[str, Any]:
    from posebeam.pipelines.imports.mpose import import_mpose
    from posebeam.pipelines.sources.mpose import CLASSES

    return import_mpose(
        file, out, split=1 if config.split < 0 else config.split, layout_name=config.layout,
        chain_name=config.chain, classes=_classes(config) or CLASSES, shards=config.shards,
    )  # fmt: skip


def _classes(config: ImportConfig) -> tuple[str, ...]:
    """The names in the file; none without one."""
    from posebeam.transforms.errors import ConfigError

    if not config.classes:
        return ()
    try:
        lines = Path(config.classes).read_text("utf-8-sig").splitlines()
    except (OSError, ValueError) as error:
        raise ConfigError(f"--classes {config.classes} cannot be read: {error}") from error
    return tuple(line.strip() for line in lines if line.strip())


def _say(manifest: dict[str, Any], out: Path) -> int:
    from posebeam.workflows.console import facts_table, show

    config = manifest["config"]
    facts = manifest["clips"] | manifest["rows"] | {name: config[name] for name in ("skeleton", "layout", "chain")}
    show(facts_table(f"data set {out}", facts))
    return 0
