"""Pre-training: the images of a data set to a run folder that a pose network can start from, with lightning."""

import json
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import lightning
import torch
from lightning.pytorch.utilities import rank_zero_only

from posebeam.models.pooled_trunk import PooledTrunk, whole_names
from posebeam.models.registry import is_run, row
from posebeam.models.row import Row
from posebeam.pipelines.images.reader import ImageReader
from posebeam.workflows.dino.crops import Crops
from posebeam.workflows.dino.data import CropSet, crop_loader
from posebeam.workflows.dino.module import DinoModule
from posebeam.workflows.dino.recipes import DinoRecipe, dino_recipe
from posebeam.workflows.pose.data import SampleOrder
from posebeam.workflows.pose.row import read_size, trained_row
from posebeam.workflows.run_folder import begin, write_record, write_weights
from posebeam.workflows.trainer import Loop, fit, weights_of

if TYPE_CHECKING:
    from posebeam.workflows.commands.pretrain import PretrainConfig


def pretrain(
    out: Path, run: Path, config: "PretrainConfig", resume: bool = False, overwrite: bool = False
) -> dict[str, Any]:
    """Pre-train a backbone's trunk on the training images of OUT into the folder RUN; return its record, run.json.

    RUN/model.safetensors holds the teacher's trunk, its tensors by their names in the whole network. With resume
    an interrupted run goes on where its last epoch ended, and a finished one is left as it is. With overwrite a
    run that RUN holds is replaced, once nothing refuses the new one. DataError if OUT is unfinished or has no
    training images; ConfigError if RUN holds a run and neither is said, resume finds one of other settings, or
    overwrite the config's own backbone.
    """
    facts = trained_row(row(config.backbone), read_size(config.input), {})
    recipe = _recipe(config)
    samples = CropSet(ImageReader(out), Crops(recipe.cuts, facts.input), config.seed)
    order = SampleOrder(samples, config.seed)
    loader = crop_loader(samples, recipe.batch, order, config.workers, config.devices)
    torch.manual_seed(config.seed)
    module = DinoModule(facts, recipe, config.seed)
    record = _record(config, facts, recipe, samples, module)
    if rank_zero_only.rank == 0:
        needs = [config.backbone] if is_run(config.backbone) else []
        old = begin(run, record, resume, overwrite, needs)
        if old["state"] == "finished":
            return old
    began = time.monotonic()
    loop = Loop(recipe.epochs, device=config.device, devices=config.devices, precision=config.precision)
    trainer, kept = fit(module, run, loop, loader)
    if not trainer.is_global_zero:
        return record
    trunk = PooledTrunk(facts).trunk
    trunk.load_state_dict(weights_of(kept, "teacher.backbone.trunk"))
    write_weights(whole_names(trunk), run)
    record |= {"state": "finished", "epochs": trainer.current_epoch}
    record |= {"seconds": round(time.monotonic() - began, 1), **_figures(module, trainer)}
    write_record(record, run)
    return record


def _recipe(config: "PretrainConfig") -> DinoRecipe:
    chosen = dino_recipe(config.recipe)
    return replace(
        chosen,
        epochs=config.epochs or chosen.epochs,
        batch=config.batch_size or chosen.batch,
        outputs=config.outputs or chosen.outputs,
    )


def _record(
    config: "PretrainConfig", facts: Row, recipe: DinoRecipe, samples: CropSet, module: DinoModule
) -> dict[str, Any]:
    """What is known before training; a run that is resumed must say the same."""
    record = {
        "state": "training",
        "task": "pretrain",
        "backbone": facts.name,
        "network": facts.network,
        "arguments": dict(facts.arguments),
        "input": facts.input,
        "colour": facts.colour,
        "parameters": sum(p.numel() for p in module.student.backbone.parameters()),
        "head_parameters": sum(p.numel() for p in module.student.head.parameters()),
        "recipe": asdict(recipe),
        "precision": config.precision,
        "seed": config.seed,
        "data": samples.reader.config,
        "manifest_sha256": samples.reader.digest,
        "images": len(samples),
    }
    return dict(json.loads(json.dumps(record)))  # as it will be read again: no tuples


def _figures(module: DinoModule, trainer: lightning.Trainer) -> dict[str, Any]:
    """The last epoch's figures; none where it was finished before, and only the record was missing."""
    if "loss" not in trainer.callback_metrics:
        return {"figures": None, "collapsed": ""}
    sight = module.sight()
    figures = {"loss": sight.loss, "teacher_entropy": sight.entropy, "teacher_spread": sight.spread}
    return {"figures": {name: round(value, 6) for name, value in figures.items()}, "collapsed": sight.kind}
