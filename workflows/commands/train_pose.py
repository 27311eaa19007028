"""posebeam train-pose: images with people to a trained pose backbone."""

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from posebeam.workflows.argument import DataSet, Local
from posebeam.workflows.config import PRECISIONS, flags, option, require, resolve
from posebeam.workflows.help import OUTPUT, HelpPage


@dataclass(frozen=True)
class TrainPoseConfig:
    """The flags of posebeam train-pose."""

    backbone: str = option(
        "", "Backbone that is trained, or a run folder whose network it is (--init its weights)."
    )
    recipe: str = option("", "How it is trained; without one as its publication did.")
    init: str = option("", "Run folder (train-pose, pretrain) or checkpoint to start from; without: made weights.")
    val_part: float = option(0.05, "Share of the training images that validates, where OUT has none for it.")
    input: str = option("", "HEIGHTxWIDTH of the network's input; without: the backbone's.")
    epochs: int = option(0, "Epochs; 0: the recipe's. Its schedule is stretched to them.")
    batch_size: int = option(0, "People (or pictures) a batch and device; 0: the recipe's.")
    device: str = option("auto", "Where it is trained: auto, cpu, cuda, or another of lightning's names.")
    devices: int = option(1, "How many of them.")
    precision: str = option("32-true", "Of the computation; mixed ones keep weights in 32 bits.", PRECISIONS)
    workers: int = option(0, "Processes that decode images beside the training.")
    seed: int = option(0, "Decides the start, the validation images, and all chance.")

    def __post_init__(self) -> None:
        """ConfigError for what no record further down checks."""
        require(self.workers >= 0, "workers", self.workers, "0 or more")
        require(0 <= self.seed < 2**63, "seed", self.seed, "0 or more, below 2**63")


SECTIONS = {
    OUTPUT: {
        "RUN": (
            "weights of the best epoch, run.json, checkpoints, logs; RUN is a backbone from then on, for build, "
            "predict, coco-eval, explain"
        ),
    },
}
EXAMPLES = (
    (
        "posebeam build coco-images train2017 out/coco --annotations person_keypoints_train2017.json",
        "first the images with their people",
    ),
    (
        "posebeam train-pose out/coco out/pose --backbone transpose-r-a4 --init resnet50-19c8e357.pth "
        "--device cuda",
        "a published recipe, from ImageNet's weights",
    ),
    (
        "posebeam coco-eval val2017 --annotations person_keypoints_val2017.json --backbone out/pose --boxes gt",
        "what came of it",
    ),
)


@click.command(cls=HelpPage, sections=SECTIONS, examples=EXAMPLES)
@click.argument("out", type=DataSet("images"))
@click.argument("run", type=Local(file_okay=False, path_type=Path))
@flags(TrainPoseConfig)
@click.option("--resume", is_flag=True, help="Go on with an interrupted run.")
@click.option("--overwrite", is_flag=True, help="Replace the run in RUN.")
def command(out: Path, run: Path, config: Path | None, resume: bool, overwrite: bool, **given: Any) -> int:
    """Trains on the people of OUT's images (build coco-images) and writes RUN, which is a backbone then.

    Validates by COCO's AP in annotated boxes after every epoch; the best epoch is kept. The test part is never
    read. Recipes: simple-baseline, hrnet, transpose, btranspose, btranspose-paper, btranspose-sinkhorn,
    btranspose-sinkhorn-unused, prtr, prtr-sequential.
    """
    settings = resolve(TrainPoseConfig, config, given)
    if not settings.backbone:
        raise click.UsageError(
            "Missing option '--backbone': which network to train (posebeam backbones lists them)."
        )

    from posebeam.pipelines.publish import publish_text
    from posebeam.workflows.config import as_toml
    from posebeam.workflows.console import facts_table, say, show
    from posebeam.workflows.pose.training import train_pose
    from posebeam.workflows.run_folder import taken
    from posebeam.workflows.trainer import require_device

    require_device(settings.device, settings.devices)
    with taken(run, resume, overwrite):
        record = train_pose(out, run, settings, resume, overwrite)
    if record["state"] == "finished":
        publish_text(as_toml(settings), run, "train-pose.toml")
        show(facts_table(f"trained {run}", facts(record)))
        say(
            f"posebeam coco-eval IMAGES --annotations FILE --backbone {shlex.quote(str(run))}   measures it; "
            "build takes it as well"
        )
    return 0


def facts(record: dict[str, Any]) -> dict[str, Any]:
    """A run in a few lines."""
    height, width = record["input"]
    found = {
        "backbone": f"{record['backbone']} at {height}x{width}, {record['parameters']:,} parameters",
        "recipe": record["recipe"]["name"],
        "start": record["init"] or "made weights",
        "images": f"{record['images']['train']:,} train, {record['images']['validation']:,} validate",
        "kept epoch": f"{record['epoch']} of {record['epochs']}",
        "seconds": record["seconds"],
    }
    if (scores := record["validation"]) is not None:
        boxes = " (annotated boxes)" if record["boxes"] == "gt" else ""
        found["validation"] = f"AP {100 * scores['AP']:.1f}, AR {100 * scores['AR']:.1f}{boxes}"
    return found
