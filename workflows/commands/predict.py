"""posebeam predict: what happens in videos, by a trained model."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from posebeam.pipelines.bounds import BOUNDS
from posebeam.workflows.argument import Local, there
from posebeam.workflows.config import flags, option, resolve
from posebeam.workflows.help import OUTPUT, HelpPage

if TYPE_CHECKING:
    from posebeam.workflows.action.trained import Trained


@dataclass(frozen=True)
class PredictConfig:
    """The flags of posebeam predict."""

    backbone: str = option(
        "", "Another pose backbone than the one the model was trained on; a run folder of train-pose."
    )
    weights: str = option(
        "", "Checkpoint of your own for the backbone, or for the features of a hybrid classifier."
    )
    decode: str = option("", "Way to read another backbone's maps, where it has several.")
    detector: str = option("", "Who gives boxes to the backbone, in place of its own or the training's.")
    flip: bool = option(False, "Look at the mirrored picture too, as with models trained on such poses.")
    min_score: float = option(
        -1.0, "A joint scored lower is missing; -1: as in training, or the other backbone's own."
    )
    overlay: str = option("", "Write an mp4 with skeleton and label; with several videos a folder.")
    device: str = option("auto", "Where the networks run.", ("auto", "cpu", "cuda"))
    batch_size: int = option(32, "Frames a batch at most.")
    max_pixels: int = option(BOUNDS.pixels, "A video with larger pictures is not read: width x height at most.")
    max_seconds: float = option(BOUNDS.seconds, "A video that lasts longer is not read.")


SECTIONS = {
    OUTPUT: {
        "terminal": "label and probability, and the labels over time; with --json a line a video on stdout",
        "--overlay FILE": "an mp4 with skeleton and label; a folder of them for several videos",
    },
}
EXAMPLES = (
    ("posebeam predict out/model new.mp4", "what happens in it"),
    ("posebeam predict out/model 'clips/*.mp4' --json > labels.jsonl", "many videos, an object a line"),
    ("posebeam predict out/model new.mp4 --overlay seen.mp4", "a video to look at"),
    (
        "posebeam predict out/model new.mp4 --backbone movenet-thunder",
        "seen by another backbone than the training's",
    ),
)


@click.command(cls=HelpPage, sections=SECTIONS, examples=EXAMPLES)
@click.argument("run", type=Local(exists=True, file_okay=False, path_type=Path))
@click.argument("videos", nargs=-1, required=True, callback=there(folders=False))
@flags(PredictConfig)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a video, a line each.")
def command(run: Path, videos: tuple[str, ...], config: Path | None, as_json: bool, **given: Any) -> int:
    """Prints the label of each video with its probability, and the labels over time. VIDEOS are files, or quoted
    globs: 'clips/*.mp4'.

    Videos that cannot be read are named; exit code 1 if there was one.
    """
    from posebeam.workflows.action.labels import tell
    from posebeam.workflows.action.trained import Trained
    from posebeam.workflows.action.watch import watch

    settings = resolve(PredictConfig, config, given)
    trained = Trained.load(run, settings.device)
    backbone = trained.backbone(settings.backbone)
    _say_switch(trained, backbone, as_json)
    failed = False
    for prediction in watch(trained, backbone, videos, settings):
        failed |= prediction.error is not None
        tell(prediction, trained, backbone, as_json)
    return int(failed)


def _say_switch(trained: "Trained", backbone: str, as_json: bool) -> None:
    from posebeam.workflows.console import say

    if not as_json and not trained.knows_backbone(backbone):
        say(f"trained on {trained.made.backbone}, predicting on {backbone}: same chain and layout")
