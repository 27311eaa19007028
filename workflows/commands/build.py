"""posebeam build: videos or images to poses and windows, in Parquet shards."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from posebeam.pipelines.bounds import BOUNDS
from posebeam.workflows.argument import NewDataSet, there
from posebeam.workflows.build_settings import BACKBONES_MIN_SCORE, KINDS_FPS, of_kind
from posebeam.workflows.commands.windows import RuleConfig
from posebeam.workflows.config import flags, option, require, resolve, same
from posebeam.workflows.help import OUTPUT, HelpPage

KINDS = ("ucf101", "videos", "manifest", "coco", "coco-images", "images")
FEATURES = ("densenet121", "movenet-lightning", "densenet121-random")


@dataclass(frozen=True)
class BuildConfig:
    """The flags of posebeam build."""

    backbone: str = option(
        "",
        "Pose backbone (posebeam backbones lists them), or a run folder of train-pose. "
        "[default: movenet-lightning, none for images]",
    )
    weights: str = option("", "Checkpoint of your own for the backbone.")
    decode: str = option("", "Way to read the backbone's maps, where it has several: argmax or paf.")
    detector: str = option(
        "", "Who gives boxes to a top-down backbone or to MoveNet, in place of its own: detr-r50, for one."
    )
    flip: bool = option(False, "Look at the mirrored picture too: the published flip test of top-down backbones.")
    crop_following: bool = option(True, "Look where the person was in the frame before.")
    features: str = option(
        "",
        "Features of each clip's first 20 frames too, for train --model hybrid; poses then only with --backbone.",
        FEATURES,
    )
    features_weights: str = option("", "Checkpoint of your own for the features.")
    split: int = option(1, "ucf101: the official split that names the files.")
    group: str = option(
        "", "REGEX on the path; what it captures stays on one side of every split. Not for ucf101."
    )
    seed: int = option(0, "Seed of the split into train, validation, test, where SOURCE gives none.")
    annotations: str = option(
        "", "coco, coco-images: person_keypoints_*.json, or image_info_*.json without people."
    )
    fps: float = option(
        KINDS_FPS,
        "Leave frames out so that at most that many a second remain; 0: take all; -1: all, but 1 a second of "
        "videos among images.",
    )
    min_score: float = option(BACKBONES_MIN_SCORE, "A joint scored lower is missing; -1: the backbone's own.")
    person: str = same(RuleConfig, "person")
    chain: str = same(RuleConfig, "chain")
    layout: str = same(RuleConfig, "layout")
    window: int = same(RuleConfig, "window")
    stride: int = same(RuleConfig, "stride")
    windows: str = same(RuleConfig, "windows")
    short: str = same(RuleConfig, "short")
    gaps: str = same(RuleConfig, "gaps")
    shards: int = option(0, "Shards a split; 0: one for each 64 clips, or 1,024 images.")
    workers: int = option(1, "Worker processes.")
    threads: int = option(1, "Threads of a worker; another number gives other last bits.")
    device: str = option("auto", "Where the network runs.", ("auto", "cpu", "cuda"))
    batch_size: int = option(32, "Frames a batch at most.")
    limit: int = option(0, "Take N clips only, over all labels and splits; 0: all.")
    max_pixels: int = option(BOUNDS.pixels, "A clip with larger pictures is rejected: width x height at most.")
    max_seconds: float = option(BOUNDS.seconds, "A clip that lasts longer is rejected.")
    allow_missing: bool = option(False, "Build although the lists name clips that are absent.")
    max_rejects: float = option(0.05, "Exit with 3 if a larger share of clips is rejected.")
    overwrite: bool = option(False, "Replace what posebeam wrote to OUT.")
    shared_disk: bool = option(
        False, "On a cluster: every worker sees SOURCE and OUT under the same paths as this machine."
    )

    def __post_init__(self) -> None:
        """ConfigError for what no record further down checks."""
        require(self.workers >= 1, "workers", self.workers, "1 or more")
        require(0 <= self.max_rejects <= 1, "max_rejects", self.max_rejects, "a share from 0 to 1")


SECTIONS = {
    "KIND": {
        "videos": "<label>/* or <split>/<label>/* below SOURCE; or a video; or a quoted glob: 'clips/*.mp4'",
        "ucf101": "<Class>/v_*.avi with ucfTrainTestlist/ below SOURCE",
        "manifest": (
            "SOURCE is a .csv or .parquet with uri,label[,group,split]; or a folder with train.csv and test.csv "
            "(video_name,tag) beside train/ and test/"
        ),
        "coco": "poses in the images below SOURCE that --annotations names; no windows",
        "coco-images": "those images themselves with their annotated people, for train-pose",
        "images": "all images below SOURCE, a glob, or one, without people, for pretrain; of videos in it frames",
    },
    OUTPUT: {
        "OUT/poses": "a row a segment of a person's track (coco: an image, with the column norm13)",
        "OUT/windows": "a row a window of n frames x 13 joints x (x, y, vx, vy)",
        "OUT/features": "with --features: a row a clip, for train --model hybrid",
        "OUT/images": "coco-images, images: a row an image; with --backbone OUT/poses too",
        "OUT/people": "coco: the annotated people; OUT/coco-results.json: those seen",
        "OUT/clips, rejected": "a row a clip, and why one gave nothing",
        "OUT/README.md": "the data card; manifest.json: every file with its sha256",
    },
}
EXAMPLES = (
    (
        "posebeam build videos videos out/data --workers 4",
        "poses and windows of videos/<label>/*; run again, it builds what is missing",
    ),
    ("posebeam build videos videos out/data --chain act-window --fps 12.5 --dry-run", "what would be done"),
    ("posebeam build ucf101 UCF101 out/data --allow-missing", "one build for the three official splits"),
    (
        "posebeam build manifest clips.csv out/data --group '([a-z]+)_'",
        "clips that a table names; what REGEX captures stays on one side of the split",
    ),
    (
        "posebeam build coco-images train2017 out/coco --annotations person_keypoints_train2017.json",
        "images with people, for train-pose",
    ),
    (
        "posebeam build videos /disk/videos /disk/data --shared-disk -- --runner=FlinkRunner",
        "on a cluster whose workers see the same disk; what stands after -- is Beam's",
    ),
    (
        "posebeam build videos gs://bucket/videos gs://bucket/data",
        "from bucket to bucket, after pip install 'posebeam[gcp]'; s3:// with posebeam[aws]",
    ),
)


@click.command(cls=HelpPage, sections=SECTIONS, examples=EXAMPLES)
@click.argument("kind", type=click.Choice(KINDS), metavar="KIND")
@click.argument("source", type=click.Path(path_type=Path), callback=there(folders=True))
@click.argument("out", type=NewDataSet())
@flags(BuildConfig)
@click.option("--dry-run", is_flag=True, help="Print what would be done and stop.")
@click.option("--json", "as_json", is_flag=True, help="Print a summary as JSON.")
@click.pass_obj
def command(
    beam_args: list[str], kind: str, source: Path, out: Path, config: Path | None, dry_run: bool, as_json: bool,
    **given: Any,
) -> int:  # fmt: skip
    """Reads SOURCE, which is of KIND, and writes the data set OUT. Run again after an interruption: only what is
    missing is built, and the bytes are those of an undisturbed run.
    """
    from posebeam.workflows.build_summary import summarise
    from posebeam.workflows.build_work import build_data, clips_of, dry_run_facts, send_job
    from posebeam.workflows.console import tell_facts

    settings = of_kind(kind, resolve(BuildConfig, config, given))
    listing = clips_of(kind, source, settings)
    if dry_run:
        tell_facts(f"would build {out}", dry_run_facts(listing, kind, out, settings, beam_args), as_json)
    elif any(word.startswith("--template_location") for word in beam_args):
        tell_facts(f"sent to build {out}", send_job(listing, kind, out, settings, beam_args), as_json)
    else:
        return summarise(build_data(listing, kind, out, settings, beam_args), settings.max_rejects, as_json)
    return 0
