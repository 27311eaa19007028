"""posebeam coco-eval: people in COCO's images against the annotated ones, scored as COCO scores them."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from posebeam.workflows.argument import Local
from posebeam.workflows.commands.build import BuildConfig
from posebeam.workflows.config import flags, option, resolve, same
from posebeam.workflows.help import OUTPUT, HelpPage

if TYPE_CHECKING:
    from posebeam.pipelines.coco.ap import CocoAp

FIGURES = ("AP", "AP50", "AP75", "APM", "APL", "AR")
BOXES = {
    "none": "none: whole frames are seen",
    "gt": "annotated, of",
    "detector": "detected, by",
    "file": "from",
}  # fmt: skip
_LOOKING = ("boxes", "detector", "flip", "scales", "weights", "decode", "out")  # flags that concern a backbone


@dataclass(frozen=True)
class CocoEvalConfig:
    """The flags of posebeam coco-eval."""

    annotations: str = option("", "person_keypoints_*.json: the people of the images. Required.")
    backbone: str = option("", "Pose backbone (posebeam backbones lists them), or a run folder of train-pose.")
    results: str = option("", "COCO keypoint results instead of a backbone: scored as they are.")
    boxes: str = option(
        "",
        "Where people are looked for: gt (as annotated), detector, or a COCO detections JSON; by default in the "
        "whole frame, or in the detector's boxes if the backbone needs some.",
    )
    detector: str = option("", "The row that finds boxes, if not the backbone's own.")
    flip: bool = option(False, "Look at the mirrored pictures, too.")
    scales: int = option(1, "See whole frames at the input's size, at twice that, and so on: N times (1 to 4).")
    weights: str = same(BuildConfig, "weights")
    decode: str = same(BuildConfig, "decode")
    out: str = option("", "The results JSON; by default BACKBONE-BOXES-results.json in the current folder.")
    device: str = same(BuildConfig, "device")
    batch_size: int = same(BuildConfig, "batch_size")
    allow_missing: bool = option(False, "Score the images that are there although the annotations name more.")


SECTIONS = {
    OUTPUT: {
        "terminal": "AP, AP50, AP75, APM, APL, AR; with --json on stdout",
        "--out FILE": "the people as COCO results; BACKBONE-BOXES-results.json by default",
        "RUN/evaluation": "the figures, where the backbone is a run folder",
    },
}
EXAMPLES = (
    (
        "posebeam coco-eval val2017 --annotations person_keypoints_val2017.json --backbone movenet-multipose",
        "whole frames",
    ),
    (
        "posebeam coco-eval val2017 --annotations person_keypoints_val2017.json --backbone movenet-thunder "
        "--boxes gt",
        "in annotated boxes",
    ),
    (
        "posebeam coco-eval --annotations person_keypoints_val2017.json --results mine.json",
        "results made elsewhere",
    ),
)


@click.command(cls=HelpPage, sections=SECTIONS, examples=EXAMPLES)
@click.argument("images", required=False, type=Local(exists=True, file_okay=False, path_type=Path))
@flags(CocoEvalConfig)
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
def command(images: Path | None, config: Path | None, as_json: bool, **given: Any) -> int:
    """Prints AP, AP50, AP75, APM, APL and AR of pycocotools for the people seen in IMAGES, and writes them as COCO
    results. With --results only the annotations are read: the figures equal those of pycocotools to the last bit.

    People in boxes are scored by box and joints, and of two who are alike to OKS 0.9 the surer one is kept, as is
    usual for top-down networks. Figures of annotated and of detected boxes cannot be compared: the kind is stated.
    """
    settings = resolve(CocoEvalConfig, config, given)
    if not settings.annotations:
        raise click.UsageError("Missing option '--annotations': person_keypoints_*.json of the images.")
    if bool(settings.backbone) == bool(settings.results):
        raise click.UsageError("Give either --backbone NAME, to see the images, or --results FILE, seen before.")
    if settings.results:
        return _of_results(settings, as_json)
    if images is None:
        raise click.UsageError("Missing argument 'IMAGES': the folder of the images that --backbone is to see.")
    return _of_backbone(images, settings, as_json)


def _of_results(settings: CocoEvalConfig, as_json: bool) -> int:
    from posebeam.pipelines.coco.ap import Truth, average_precision
    from posebeam.pipelines.coco.entries import read_results

    said = [name for name in _LOOKING if getattr(settings, name) != getattr(CocoEvalConfig, name)]
    if said:
        raise click.UsageError(f"--{said[0]} concerns how a backbone looks; --results were made before.")
    truth = Truth(Path(settings.annotations))
    found = average_precision(truth, read_results(Path(settings.results), truth.images))
    _tell({"results_file": settings.results}, found, as_json)
    return 0


def _of_backbone(images: Path, settings: CocoEvalConfig, as_json: bool) -> int:
    from posebeam.models.registry import is_run, row
    from posebeam.pipelines.coco.ap import Truth, average_precision
    from posebeam.pipelines.coco.results import write_lines
    from posebeam.pipelines.publish import publish_json, unfinished
    from posebeam.workflows.coco_sight import see
    from posebeam.workflows.run_folder import EVALUATION
    from posebeam.workflows.source import list_clips

    truth = Truth(Path(settings.annotations))
    listing = list_clips(
        "coco", images, split=1, group="", seed=0, limit=0, allow_missing=settings.allow_missing,
        annotations=settings.annotations,
    )  # fmt: skip
    kind, name, seen = see(listing, truth, settings)
    backbone = row(settings.backbone).name
    path = Path(settings.out or f"{backbone}-{kind}-results.json")
    with unfinished(path) as part:
        write_lines(seen.results, part)
    found = average_precision(truth, seen.results, list(seen.images))
    facts = {
        "backbone": backbone,
        **({"run": settings.backbone} if is_run(settings.backbone) else {}),
        "boxes": kind,
        "boxes_of": name,
        "flip": settings.flip,
        "scales": settings.scales,
    }
    facts |= {"failed": len(seen.failed), "results_file": str(path)}
    _tell(facts, found, as_json)
    if is_run(settings.backbone):  # posebeam report shows it; last: RUN may be one that its user may only read
        looks = ("-flip" if settings.flip else "") + (f"-{settings.scales}-scales" if settings.scales > 1 else "")
        publish_json(facts | asdict(found), Path(settings.backbone), f"{EVALUATION}/coco-{kind}{looks}.json")
    return 3 if seen.failed else 0


def _tell(facts: dict[str, Any], found: "CocoAp", as_json: bool) -> None:
    from posebeam.workflows.console import facts_table, rows_table, show

    if as_json:
        click.echo(json.dumps(facts | asdict(found)))
        return
    figures = asdict(found)
    percent = tuple("-" if figures[name] < 0 else f"{100 * figures[name]:.1f}" for name in FIGURES)
    shown = {name: value for name, value in facts.items() if value not in ("", False, 0)}
    if "boxes" in facts:
        shown["boxes"] = f"{BOXES[facts['boxes']]} {shown.pop('boxes_of', '')}".strip()
    shown |= {name: f"{figures[name]:,}" for name in ("images", "people", "results")}
    show(rows_table("COCO keypoints", FIGURES, [percent]))
    show(facts_table("of", shown))
