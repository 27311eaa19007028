"""posebeam import: what other programs made, as a run or a data set."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from posebeam.workflows.commands.build import BuildConfig
from posebeam.workflows.config import flags, option, resolve, same

if TYPE_CHECKING:
    from posebeam.transforms.windows import WindowRule

KINDS = ("act-h5", "openpose-json", "mpose")


@dataclass(frozen=True)
class ImportConfig:
    """The flags of posebeam import."""

    classes: str = option(
        "",
        "act-h5, mpose: text file of class names, a line each, in the order of outputs or labels; else MPOSE's.",
    )
    split: int = option(
        -1,
        "mpose: official split that names the files, else 1; act-h5: the one trained on, else that of the files.",
    )
    layout: str = option(
        "", "Order of the 13 joints; else what the skeleton gives.", ("act13-coco", "act13-body25")
    )
    chain: str = same(BuildConfig, "chain")
    group: str = option("", "openpose-json: REGEX on the path; what it captures stays on one side of every split.")
    seed: int = option(0, "openpose-json: seed of the split into train, validation, test.")
    rate: float = option(25.0, "openpose-json: frames a second of the videos.")
    min_score: float = option(
        -1.0, "openpose-json: a joint scored lower is missing; -1: take all that were found."
    )
    window: int = same(BuildConfig, "window")
    stride: int = same(BuildConfig, "stride")
    windows: str = same(BuildConfig, "windows")
    short: str = same(BuildConfig, "short")
    gaps: str = same(BuildConfig, "gaps")
    person: str = same(BuildConfig, "person")
    shards: int = same(BuildConfig, "shards")


@click.command()
@click.argument("kind", type=click.Choice(KINDS))
@click.argument("file", type=click.Path(exists=True, path_type=Path))
@click.argument("out", type=click.Path(file_okay=False, path_type=Path))
@flags(ImportConfig)
def command(kind: str, file: Path, out: Path, config: Path | None, **given: Any) -> int:
    """\b
    KIND act-h5: published AcT weights of Keras; OUT becomes a run for evaluate and export.
    KIND openpose-json: a folder <label>/<clip>/ or <split>/<label>/<clip>/ of --write_json.
    KIND mpose: MPOSE2021, an .npz or the folder with its splits.

    The last two make a data set OUT. Window, stride, short, gaps and person are openpose-json's; MPOSE comes in
    windows. Followed is whoever has a person_id, else the person listed first in each frame.
    """
    settings = resolve(ImportConfig, config, given)
    if kind == "act-h5":
        return _act(file, out, settings)
    manifest = (_openpose if kind == "openpose-json" else _mpose)(file, out, settings)
    return _say(manifest, out)


def _act(file: Path, out: Path, config: ImportConfig) -> int:
    from posebeam.workflows.console import facts_table, show
    from posebeam.workflows.published import import_act

    record = import_act(file, out, _classes(config), max(config.split, 0))
    names = ("model", "parameters", "classes")
    facts = {name: record[name] for name in names} | {name: record["data"][name] for name in ("layout", "chain")}
    show(facts_table(f"run {out}", facts))
    return 0


def _openpose(file: Path, out: Path, config: ImportConfig) -> dict[str, Any]:
    from posebeam.pipelines.imports.openpose import LAYOUTS, find_skeleton, import_openpose
    from posebeam.pipelines.sources.openpose_json import list_clips
    from posebeam.workflows.console import say

    listing = list_clips(file, group=config.group or None, seed=config.seed)
    for text in listing.warnings:
        say(f"note: {text}")
    skeleton = find_skeleton(listing)
    rule = _rule(config, config.layout or LAYOUTS[skeleton])
    return import_openpose(listing, skeleton, rule, out, rate=config.rate, shards=config.shards)


def _rule(config: ImportConfig, layout: str) -> "WindowRule":
    from posebeam.pipelines.imports.imported import SEEN
    from posebeam.transforms.windows import WindowRule

    return WindowRule(
        length=config.window, stride=config.stride, mode=config.windows, short=config.short, gaps=config.gaps,
        person=config.person, min_score=SEEN if config.min_score < 0 else config.min_score, chain=config.chain,
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
