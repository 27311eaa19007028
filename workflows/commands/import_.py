"""posebeam import: what other programs made, as a run or a data set."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from posebeam.workflows.argument import Local, NewDataSet
from posebeam.workflows.commands.build import BuildConfig
from posebeam.workflows.config import flags, option, require, resolve, same
from posebeam.workflows.help import OUTPUT, HelpPage

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

    def __post_init__(self) -> None:
        """ConfigError for what no record further down checks."""
        require(math.isfinite(self.rate) and self.rate > 0, "rate", self.rate, "more than 0 frames a second")
        require(-1 <= self.split <= 3, "split", self.split, "an official split 1, 2 or 3, or 0 or -1 for none")


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
@click.option("--json", "as_json", is_flag=True, help="Print a summary as JSON.")
def command(kind: str, file: Path, out: Path, config: Path | None, as_json: bool, **given: Any) -> int:
    """Reads FILE, which is of KIND, and writes OUT.

    Window, stride, short, gaps and person are openpose-json's and pyskl's;
    MPOSE comes in windows, images have none. Followed in OpenPose's files is whoever has a person_id, else the
    person listed first in each frame; in a pickle each place among the people of an annotation is one person.
    """
    from posebeam.workflows.console import tell_facts
    from posebeam.workflows.import_kinds import IMPORTS

    title, facts = IMPORTS[kind](file, out, resolve(ImportConfig, config, given))
    tell_facts(title, facts, as_json)
    return 0
