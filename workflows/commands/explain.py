"""posebeam explain: pictures of what the networks look at."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from posebeam.transforms.errors import ConfigError
from posebeam.workflows.argument import Local, there
from posebeam.workflows.config import flags, option, resolve
from posebeam.workflows.help import OUTPUT, HelpPage

WAYS = ("depends-on", "affects")  # as in models/dependency.py, which loads torch


@dataclass(frozen=True)
class ExplainConfig:
    """The flags of posebeam explain."""

    weights: str = option("", "Checkpoint of your own for the one backbone; for several: --backbone NAME=FILE.")
    box: str = option("", "X,Y,WIDTH,HEIGHT of the person in pixels.")
    annotations: str = option("", "COCO's annotation file, for --annotation-id.")
    annotation_id: int = option(-1, "The annotated person of that number.")
    joints: str = option("", "Some of the joints, as nose,left_wrist; all by default.")
    layers: str = option("", "Some of the layers, as mhsa,0,last; all by default.")
    head: int = option(-1, "One head's attention, from 0; -1: the mean over heads.")
    areas: str = option("depends-on", "What a joint's place depends on, or what it affects.", WAYS)
    threshold: float = option(-1.0, "Attention at or below it is not shown; -1: as published.")
    refinement: bool = option(False, "PRTR: every layer's guesses, and how they become joints.")
    frame: int = option(0, "Of a video for --backbone: the frame, from 0.")
    window: int = option(
        -1, "Of a video for --run: the window, from 0; -1: the one most sure of the video's label."
    )
    device: str = option("auto", "Where the networks run.", ("auto", "cpu", "cuda"))

    @property
    def one_head(self) -> int | None:
        """The head that is meant; None for the mean over all."""
        return None if self.head < 0 else self.head

    @property
    def heads(self) -> str:
        """The same in words."""
        return "mean over heads" if self.head < 0 else f"head {self.head}"


SECTIONS = {
    "Looked at": {
        "--backbone": (
            "TransPose, BTranspose: what each joint's place depends on or affects, layer by layer, a star at the "
            "joint. PRTR: where the joint's query looked; --refinement: how its queries become joints. DETR: "
            "where the queries of people looked."
        ),
        "--run": (
            "where the action model's class token looked in the frames of a window, above the frames; with "
            "--backbone: as another backbone sees the video than the one of its training"
        ),
    },
    OUTPUT: {
        "OUT.png": "one picture; each of its panels has a scale of its own",
    },
}
EXAMPLES = (
    ("posebeam explain clip.mp4 out.png --run out/model", "which frames of a window decided"),
    (
        "posebeam explain photo.jpg out.png --backbone transpose-r-a3 --backbone transpose-h-s",
        "two networks, a row of pictures a layer",
    ),
    (
        "posebeam explain photo.jpg out.png --backbone prtr-r50-384 --refinement --joints nose,left_wrist",
        "how guesses become joints",
    ),
)


@click.command(cls=HelpPage, sections=SECTIONS, examples=EXAMPLES)
@click.argument("source", metavar="IMAGE|VIDEO", callback=there(folders=False), type=click.Path(path_type=Path))
@click.argument("out", metavar="OUT.png", type=Local(dir_okay=False, path_type=Path))
@click.option(
    "--backbone",
    "backbones",
    multiple=True,
    metavar="NAME[=FILE]",
    help="A row of pictures a layer; NAME may be a run folder of train-pose; repeat.",
)
@click.option("--run", type=Local(exists=True, file_okay=False, path_type=Path), help="A trained action model.")
@flags(ExplainConfig)
def command(
    source: Path, out: Path, backbones: tuple[str, ...], run: Path | None, config: Path | None, **given: Any
) -> int:
    """The person is that of --box or --annotation-id, else the one whom movenet-multipose is surest of, else the
    whole picture. A backbone whose weights do not come with posebeam needs its published ones (it says where
    from), or a FILE of yours.
    """
    settings = resolve(ExplainConfig, config, given)
    if out.suffix.lower() != ".png":
        raise ConfigError(f"{out}: pictures are written as .png")
    if (run is None and not backbones) or (run is not None and len(backbones) > 1):
        raise ConfigError(
            "give --backbone NAME (once or more) for a picture, or --run RUN for a video, with one --backbone at "
            "most"
        )
    if run is not None:
        _explain_run(source, out, run, "".join(backbones), settings)
    else:
        _explain_backbones(source, out, backbones, settings)
    from posebeam.workflows.console import say

    say(str(out))
    return 0


def _explain_backbones(source: Path, out: Path, backbones: tuple[str, ...], settings: ExplainConfig) -> None:
    """One figure of what backbones look at in a picture."""
    from posebeam.workflows.explain.picture import draw_backbones, named, read_picture

    chosen = named(backbones, settings.weights)
    frame = read_picture(source, settings.frame)
    draw_backbones(frame, source.name, chosen, settings, out)


def _explain_run(source: Path, out: Path, run: Path, asked: str, settings: ExplainConfig) -> None:
    """One figure of what an action model looks at in a video."""
    from posebeam.models.registry import load_estimator
    from posebeam.pipelines.publish import unfinished
    from posebeam.pipelines.stills.still import SUFFIXES
    from posebeam.workflows.action.trained import Trained
    from posebeam.workflows.action.watch import rule_of
    from posebeam.workflows.explain.film import draw_film
    from posebeam.workflows.explain.window import attended_window

    if source.suffix.lower() in SUFFIXES:
        raise ConfigError(f"{source}: --run looks at windows of a video, not at an image")
    trained = Trained.load(run, settings.device)
    if not trained.looks_at_poses:
        raise ConfigError(f"{run} is a {trained.record['model']} classifier: it has no class token to draw")
    backbone, data = trained.backbone(asked), trained.record["data"]
    as_trained = data if trained.knows_backbone(backbone) else {}
    rule = rule_of(trained, backbone, -1.0)
    estimator = load_estimator(
        backbone,
        decode=as_trained.get("decode", ""),
        detector=as_trained.get("detector", ""),
        flip=as_trained.get("flip", False),
        device=settings.device,
        weights=Path(settings.weights) if settings.weights else None,
        crop_following=data["crop_following"],
    )
    seen = attended_window(source, trained, estimator, rule, settings.window, settings.one_head)
    best = int(seen.probabilities.argmax())
    title = f"{source.name}, window {seen.number + 1} of {seen.count}: {trained.classes[best]} "
    title += f"({seen.probabilities[best]:.2f})"
    note = (
        f"what the class token of {trained.record['model']} ({run.name}) takes from each frame, {settings.heads}; "
    )
    note += (
        f"an even share is {1 / (1 + len(seen.frames)):.3f}; numbers count frames, from {seen.seconds:.1f} s on"
    )
    with unfinished(out) as path:
        draw_film(source, seen, rule.min_score, data["fps"], title, note, path)
