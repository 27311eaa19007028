"""PoseTraining: images and their people to the run folder of a pose network, with lightning."""

import json
import time
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lightning.pytorch.utilities import rank_zero_only
from torch import nn

from posebeam.models import registry
from posebeam.models.known_row import require_known
from posebeam.models.row import Row
from posebeam.models.run_row import FILE as BACKBONE
from posebeam.models.run_row import write_run_row
from posebeam.pipelines.images.reader import ImageReader
from posebeam.transforms.picture_augment import PictureAugmentation
from posebeam.workflows.console import say
from posebeam.workflows.pose.data import SampleOrder, divide_images, pose_loader
from posebeam.workflows.pose.module import MONITOR, PoseModule
from posebeam.workflows.pose.persons import PersonSet
from posebeam.workflows.pose.pictures import PictureSet
from posebeam.workflows.pose.recipe import PoseRecipe
from posebeam.workflows.pose.recipes import pose_recipe
from posebeam.workflows.pose.row import read_size, trained_row
from posebeam.workflows.pose.start import PoseStart, fresh_network, load_start
from posebeam.workflows.pose.validation import PoseValidation
from posebeam.workflows.run_folder import begin, read_record, write_record, write_weights
from posebeam.workflows.trainer import Loop, fit, weights_of

if TYPE_CHECKING:
    from posebeam.workflows.commands.train_pose import TrainPoseConfig


def train_pose(
    out: Path,
    run: Path,
    config: "TrainPoseConfig",
    resume: bool = False,
    overwrite: bool = False,
    *,
    numbers: Mapping[str, Any] | None = None,
    recipe: PoseRecipe | None = None,
) -> dict[str, Any]:
    """Train on the people of OUT's images into the folder RUN, which is then a backbone; return its run.json.

    With resume an interrupted run goes on where its last epoch ended, and a finished one is left as it is. With
    overwrite a run that RUN holds is replaced, once nothing refuses the new one.
    numbers take the place of the row's arguments (layers, queries: a smaller network); recipe, one of your own,
    that of the config's name.
    DataError if OUT is unfinished or holds nobody to learn from; ConfigError if RUN holds a run and neither is
    said, resume finds one of other settings, overwrite the config's own backbone or init, or recipe and backbone
    do not fit, or no run folder may name such a network.
    """
    reader = ImageReader(out)
    row = trained_row(registry.row(config.backbone), read_size(config.input), numbers or {})
    require_known(
        row, run / BACKBONE
    )  # what could not be read again is refused before an epoch, not after the last
    chosen = _recipe(config, recipe or pose_recipe(config.recipe, row))
    division = divide_images(reader, config.val_part, config.seed)
    samples = make_samples(reader, division.train, row, chosen, config.seed)
    validation = PoseValidation(reader, division.validation, row) if len(division.validation) else None
    network = fresh_network(row, chosen, config.seed)
    start = load_start(network, config.init)
    module = PoseModule(network, chosen, row, config.seed, validation)
    record = _record(config, row, chosen, start, reader, network)
    record["images"] = {"train": len(division.train), "validation": len(division.validation)}
    record["samples"] = len(samples)
    if rank_zero_only.rank == 0:
        needs = [config.init, config.backbone if registry.is_run(config.backbone) else ""]
        old = begin(run, record, resume, overwrite, needs)
        if old["state"] == "finished":
            return old
        write_run_row(row, run)
        say(start.sentence())
    began = time.monotonic()
    trainer, kept = fit(
        module,
        run,
        _loop(chosen, config, validation is not None),
        pose_loader(samples, chosen.batch, SampleOrder(samples, config.seed), config.workers),
        validation.loader(config.workers) if validation else None,
    )
    if not trainer.is_global_zero:
        return record
    network.load_state_dict(weights_of(kept))
    write_weights(network, run)
    record |= {"state": "finished", "epochs": trainer.current_epoch, "epoch": int(kept["epoch"]) + 1}
    record["seconds"] = round(time.monotonic() - began, 1)
    record["validation"] = kept["figures"] or None
    write_record(record, run)
    return record


def make_samples(
    reader: ImageReader, images: Any, row: Row, recipe: PoseRecipe, seed: int
) -> PersonSet | PictureSet:
    """What the recipe learns from in the images of these numbers [n]: persons, or whole pictures."""
    if isinstance(recipe.augmentation, PictureAugmentation):
        return PictureSet(reader, images, row, recipe.augmentation, seed)
    return PersonSet(reader, images, row, recipe.augmentation, seed)


def _recipe(config: "TrainPoseConfig", chosen: PoseRecipe) -> PoseRecipe:
    return replace(chosen.lasting(config.epochs), batch=config.batch_size or chosen.batch)


def _record(
    config: "TrainPoseConfig",
    row: Row,
    chosen: PoseRecipe,
    start: PoseStart,
    reader: ImageReader,
    network: nn.Module,
) -> dict[str, Any]:
    """What is known before training; a run that is resumed must say the same."""
    backbone = read_record(Path(config.backbone))["backbone"] if registry.is_run(config.backbone) else row.name
    record = {
        "state": "training",
        "task": "pose",
        "backbone": backbone,
        "network": row.network,
        "input": row.input,
        "arguments": dict(row.arguments),
        "parameters": row.parameters,
        "trained": sum(p.numel() for p in network.parameters() if p.requires_grad),
        "macs": row.macs,
        "recipe": asdict(chosen),
        "init": config.init,
        "start": asdict(start),
        "seed": config.seed,
        "precision": config.precision,
        "data": reader.config,
        "manifest_sha256": reader.digest,
        "boxes": "gt" if row.view == "top-down" else "none",
    }
    return dict(json.loads(json.dumps(record)))  # lists, as run.json has them


def _loop(chosen: PoseRecipe, config: "TrainPoseConfig", validates: bool) -> Loop:
    return Loop(
        chosen.epochs,
        monitor=MONITOR if validates else "",
        clip_norm=chosen.clip_norm,
        device=config.device,
        devices=config.devices,
        precision=config.precision,
    )
