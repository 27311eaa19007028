"""posebeam pretrain: images without labels to a trunk that a pose network can start from."""

import math
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from posebeam.workflows.argument import DataSet, Local
from posebeam.workflows.config import PRECISIONS, flags, option, require, resolve
from posebeam.workflows.help import OUTPUT, HelpPage

RECIPES = ("default", "committed", "multi-crop")


@dataclass(frozen=True)
class PretrainConfig:
    """The flags of posebeam pretrain."""

    backbone: str = option("btranspose-c3a1-4", "Whose trunk: a backbone of the btranspose family.")
    recipe: str = option("default", "How it is pre-trained.", RECIPES)
    input: str = option("", "Height and width of global crops, 256x192; the backbone's own by default.")
    outputs: int = option(0, "Outputs of DINO's head; 0: the recipe's.")
    epochs: int = option(0, "Epochs; 0: the recipe's.")
    batch_size: int = option(0, "Images an update, of all devices together; 0: the recipe's.")
    workers: int = option(0, "Processes that decode and cut crops, a device; 0: the training does it itself.")
    precision: str = option("32-true", "Of the computation; mixed ones keep weights in 32 bits.", PRECISIONS)
    seed: int = option(0, "Decides the start and all chance.")
    device: str = option("auto", "Where it is trained: auto, cpu, cuda, or another of lightning's names.")
    devices: int = option(1, "How many of them.")

    def __post_init__(self) -> None:
        """ConfigError for what no record further down checks."""
        require(self.workers >= 0, "workers", self.workers, "0 or more")
        require(0 <= self.seed < 2**63, "seed", self.seed, "0 or more, below 2**63")


SECTIONS = {
    OUTPUT: {
        "RUN": "the trunk, run.json, checkpoints, logs; for train-pose --init RUN",
    },
}
EXAMPLES = (
    ("posebeam build images photos out/photos", "first the images, or frames of videos"),
    ("posebeam pretrain out/photos out/trunk --backbone btranspose-c3a1-4 --device cuda", "DINO by our recipe"),
    (
        "posebeam train-pose out/coco out/pose --backbone btranspose-c3a1-4 --init out/trunk",
        "a pose network that starts from it",
    ),
)


@click.command(cls=HelpPage, sections=SECTIONS, examples=EXAMPLES)
@click.argument("out", type=DataSet("images"))
@click.argument("run", type=Local(file_okay=False, path_type=Path))
@flags(PretrainConfig)
@click.option("--resume", is_flag=True, help="Go on with an interrupted run.")
@click.option("--overwrite", is_flag=True, help="Replace the run in RUN.")
def command(out: Path, run: Path, config: Path | None, resume: bool, overwrite: bool, **given: Any) -> int:
    """Pre-trains on the training images of OUT, by DINO, and writes RUN.

    OUT is what posebeam build images or coco-images makes, of images or of videos' frames. Labels are not read.
    """
    from posebeam.pipelines.publish import publish_text
    from posebeam.workflows.config import as_toml
    from posebeam.workflows.console import facts_table, say, show
    from posebeam.workflows.dino.training import pretrain
    from posebeam.workflows.run_folder import taken
    from posebeam.workflows.trainer import require_device

    settings = resolve(PretrainConfig, config, given)
    require_device(settings.device, settings.devices)
    with taken(run, resume, overwrite):
        record = pretrain(out, run, settings, resume, overwrite)
    if record["state"] == "finished":
        publish_text(as_toml(settings), run, "pretrain.toml")
        show(facts_table(f"pre-trained {run}", facts(record)))
        say(
            f"posebeam train-pose OUT NEW --backbone {settings.backbone} --init {shlex.quote(str(run))}   starts "
            "from it"
        )
    return 0


def facts(record: dict[str, Any]) -> dict[str, Any]:
    """A run in a few lines."""
    outputs = record["recipe"]["outputs"]
    found = {
        "trunk": f"{record['backbone']}, {record['parameters']:,} parameters",
        "head": f"{record['head_parameters']:,} parameters",
        "images": f"{record['images']:,}",
        "recipe": record["recipe"]["name"],
        "epochs": record["epochs"],
        "seconds": record["seconds"],
    }
    if figures := record["figures"]:
        found["loss"] = f"{figures['loss']:.4g}; ln({outputs:,}) is {math.log(outputs):.4g}"
        found["teacher"] = f"entropy {figures['teacher_entropy']:.4g}, spread {figures['teacher_spread']:.4g} nats"
    if record["collapsed"]:
        found["collapsed"] = record["collapsed"]
    return found
