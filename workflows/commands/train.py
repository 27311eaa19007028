"""posebeam train: windows to a trained action model."""

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from posebeam.workflows.argument import DataSet, Local
from posebeam.workflows.config import PRECISIONS, flags, option, require, resolve
from posebeam.workflows.help import OUTPUT, HelpPage

MODELS = ("act-micro", "act-small", "act-base", "act-large", "hybrid")


@dataclass(frozen=True)
class TrainConfig:
    """The flags of posebeam train."""

    model: str = option(
        "act-micro", "The Action Transformer in a size, or the hybrid classifier of features.", MODELS
    )
    recipe: str = option(
        "", "How it is trained: default or published; the hybrid: hybrid or hybrid-published. [default: the first]"
    )
    mask: str = option("", "hybrid: how padding is kept out: clip, published, keys, none. [default: the recipe's]")
    split: int = option(0, "Official split 1, 2 or 3; 0: the one that names OUT's files.")
    seed: int = option(0, "Decides the start, the validation groups, and all chance.")
    val_part: float = option(0.15, "Share of the training groups that validates, where OUT has none for it.")
    epochs: int = option(0, "Epochs; 0: the recipe's.")
    batch_size: int = option(0, "Windows a batch; 0: the recipe's.")
    device: str = option("auto", "Where it is trained: auto, cpu, cuda, or another of lightning's names.")
    devices: int = option(1, "How many of them.")
    precision: str = option("32-true", "Of the computation; mixed ones keep weights in 32 bits.", PRECISIONS)

    def __post_init__(self) -> None:
        """ConfigError for what no record further down checks."""
        require(0 <= self.split <= 3, "split", self.split, "an official split 1, 2 or 3, or 0")
        require(0 <= self.seed < 2**63, "seed", self.seed, "0 or more, below 2**63")


SECTIONS = {
    OUTPUT: {
        "RUN/model.safetensors": "the model of the best epoch",
        "RUN/run.json": "how it came about: data, recipe, seed, figures",
        "RUN/checkpoints, logs": "what --resume goes on from; curves for TensorBoard",
    },
}
EXAMPLES = (
    ("posebeam train out/data out/model", "AcT-micro, by our recipe"),
    ("posebeam train out/data out/model --resume", "the same, gone on with after an interruption"),
    (
        "posebeam train out/data out/model-2 --split 2 --model act-small --seed 1",
        "another official split of the same build, a larger model",
    ),
    ("posebeam train out/features out/hybrid --model hybrid", "on features of build --features"),
)


@click.command(cls=HelpPage, sections=SECTIONS, examples=EXAMPLES)
@click.argument("out", type=DataSet("windows", "clips", "features"))
@click.argument("run", type=Local(file_okay=False, path_type=Path))
@flags(TrainConfig)
@click.option("--resume", is_flag=True, help="Go on with an interrupted run.")
@click.option("--overwrite", is_flag=True, help="Replace the run in RUN.")
def command(out: Path, run: Path, config: Path | None, resume: bool, overwrite: bool, **given: Any) -> int:
    """Trains on the windows of the data set OUT, and writes RUN.

    --model hybrid trains on the features of its clips (build --features). What validates is taken by group from
    the training part; the test part is never read.
    """
    from posebeam.workflows.console import facts_table, say, show

    record = trained_run(out, run, resolve(TrainConfig, config, given), resume, overwrite)
    if record["state"] == "finished":
        show(facts_table(f"trained {run}", facts(record)))
        say(f"{shlex.join(['posebeam', 'evaluate', str(run), str(out)])}   measures it on the test part")
    return 0


def trained_run(out: Path, run: Path, settings: TrainConfig, resume: bool, overwrite: bool) -> dict[str, Any]:
    """Train; the resolved settings are written beside the model."""
    from posebeam.pipelines.publish import publish_text
    from posebeam.workflows.action.training import train
    from posebeam.workflows.config import as_toml
    from posebeam.workflows.run_folder import taken
    from posebeam.workflows.trainer import require_device

    require_device(settings.device, settings.devices)
    with taken(run, resume, overwrite):
        record = train(out, run, settings, resume, overwrite)
    if record["state"] == "finished":
        publish_text(as_toml(settings), run, "train.toml")
    return record


def facts(record: dict[str, Any]) -> dict[str, Any]:
    """A run in a few lines."""
    found = {
        "model": f"{record['model']}, {record['parameters']:,} parameters",
        "classes": len(record["classes"]),
        "clips" if record["model"] == "hybrid" else "windows": ", ".join(
            f"{record['windows'][part]:,} {does}"
            for part, does in (("train", "train"), ("validation", "validate"))
        ),
        "recipe": record["recipe"]["name"],
        "kept epoch": f"{record['epoch']} of {record['epochs']}",
        "seconds": record["seconds"],
    }
    if (scores := record["validation"]) is not None:
        found["validation"] = f"{scores['clip_accuracy']:.1%} of {scores['clips']} clips"
    return found
