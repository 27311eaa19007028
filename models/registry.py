"""Registry: the backbones by name. Facts without torch; networks and estimators when they are asked for."""

from __future__ import annotations

import dataclasses
import difflib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from posebeam.models.assembly import BATCH_SIZE, detector_of, estimator_of, named
from posebeam.models.device import choose_device
from posebeam.models.row import Row
from posebeam.models.run_row import FILE, finished_row
from posebeam.models.table import rows
from posebeam.models.weights import locate, sha256_of
from posebeam.transforms.errors import ConfigError, WeightsError

if TYPE_CHECKING:
    import torch
    from torch import nn

    from posebeam.models.backbone import Backbone
    from posebeam.models.detector import Detector

DEFAULT = "movenet-lightning"


def row(name: str) -> Row:
    """One backbone's facts, by its name or the run folder that it was trained in (posebeam train-pose).

    ConfigError with the nearest names if there is none of that name, or if the folder holds none.
    """
    for each in rows():
        if each.name == name:
            return each
    if is_run(name):
        return finished_row(Path(name))
    if os.sep in name:
        raise ConfigError(f"no backbone {name!r}: there is no such folder, and names have no {os.sep}")
    names = [each.name for each in rows()]
    near = difflib.get_close_matches(name, names, n=3, cutoff=0.4)
    told = f"near: {', '.join(near)} (posebeam backbones lists all)" if near else "posebeam backbones lists all"
    raise ConfigError(f"no backbone {name!r}; {told}")


def is_run(name: str) -> bool:
    """Whether a folder is meant, and not a row of the table."""
    return bool(name) and name not in {each.name for each in rows()} and Path(name).is_dir()


def run_folders(*names: str) -> dict[str, str]:
    """Whole paths of the run folders among some names, by the names that their rows have."""
    return {row(name).name: str(Path(name).resolve()) for name in names if is_run(name)}


def row_sha256(name: str) -> str:
    """sha256 of a trained backbone's row as its folder has it; "" for a row of the table."""
    return sha256_of(Path(name) / FILE) if is_run(name) else ""


def weights_sha256(name: str, file: Path | None = None) -> str:
    """sha256 of the weights that load_estimator(name, weights=file) takes."""
    if file is not None:
        if not file.is_file():
            raise WeightsError(f"{file}: no such file")
        return sha256_of(file)
    weights = row(name).weights
    return weights.sha256 if weights and len(weights.sha256) == 64 else sha256_of(published_file(name))


def published_file(name: str) -> Path:
    """The backbone's published weights on this machine, fetched where they are not here yet and verified."""
    weights = row(name).weights
    if weights is None:
        raise WeightsError(f"no weights of {name} were published: give a file (--weights FILE)")
    return locate(name, weights)


def build_network(name: str, **numbers: Any) -> nn.Module:
    """The bare network in evaluation mode with made-up weights, the same ones each time.

    numbers take the place of the row's: a smaller crop, fewer queries, relative positions.
    """
    import torch

    facts = row(name)
    arguments = {**facts.arguments, **numbers}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        try:
            network: nn.Module = named(facts.network)(**arguments)
        except (TypeError, ValueError, RuntimeError) as error:
            raise ConfigError(f"{name}: arguments {arguments} do not make a {facts.network}: {error}") from error
    return network.eval()


def load_network(name: str, weights: Path | None = None) -> nn.Module:
    """The bare network with its published weights, or those of a file of yours, strictly by the official names."""
    from posebeam.models.checkpoint import load

    network = build_network(name)
    load(network, weights or published_file(name))
    return network


def network_for(name: str, device: torch.device, weights: Path | None = None) -> nn.Module:
    """The same in the form that is to run on a device: on a CPU as a graph where the row says so."""
    from posebeam.models.graph import placed

    network = load_network(name, weights)
    return placed(network, device) if row(name).graph else network


def load_estimator(
    name: str,
    *,
    device: str = "auto",
    weights: Path | None = None,
    batch_size: int = BATCH_SIZE,
    decode: str = "",
    crop_following: bool = True,
    detector: str = "",
    flip: bool = False,
) -> Backbone:
    """The backbone with its published weights, or those of a file of yours.

    device is auto (cuda if there is one), cpu or cuda. decode is one of the row's decoders, "" its first.
    crop_following concerns rows that follow a person. detector is the row that gives boxes, "" the backbone's
    own. flip shows top-down networks the mirrored picture too.
    """
    facts, where = row(name), choose_device(device)
    boxes = boxes_from(name, detector)
    found = load_detector(boxes, device=device, batch_size=batch_size) if boxes else None
    return estimator_of(
        facts, network_for(name, where, weights), where, batch_size=batch_size, decode=decode,
        crop_following=crop_following, detector=found, flip=flip,
    )  # fmt: skip


def boxes_from(name: str, detector: str = "") -> str:
    """The row that gives the backbone boxes, "" being its own; "" where it looks at whole frames.

    ConfigError if the backbone takes none, or the detector cannot be one.
    """
    chosen = row(name).boxes_from(detector)
    if chosen:
        detector_row(chosen)
    return chosen


def load_detector(
    name: str,
    *,
    device: str = "auto",
    weights: Path | None = None,
    batch_size: int = BATCH_SIZE,
    min_person: float | None = None,
) -> Detector:
    """A detector's row, or a backbone that finds several people by itself, as a finder of boxes.

    min_person takes the place of a detector row's own: 0 gives all boxes, as average precision wants them.
    """
    from posebeam.models.detector import PoseDetector

    facts = detector_row(name)
    if facts.view != "detector":
        way = "paf" if "paf" in facts.decoders else ""  # the one of several that tells people apart
        return PoseDetector(
            load_estimator(name, device=device, weights=weights, batch_size=batch_size, decode=way)
        )
    if min_person is not None:
        facts = dataclasses.replace(facts, min_person=min_person)
    return detector_of(facts, load_network(name, weights), choose_device(device), batch_size=batch_size)


def pose_row(name: str) -> Row:
    """A row that finds joints; ConfigError if it finds boxes only."""
    facts = row(name)
    if facts.view == "detector":
        raise ConfigError(f"{name} finds people's boxes and no joints: take it as --detector {name}")
    return facts


def detector_row(name: str) -> Row:
    """A row that finds several people by itself; ConfigError if it does not, or was trained for joints."""
    facts = row(name)
    if is_run(name) and facts.view != "detector":
        raise ConfigError(
            f"{name} is a run of train-pose, a backbone that finds joints: no detector; take a row of the table "
            "(posebeam backbones) that finds several people"
        )
    if facts.view == "top-down" or facts.follows:
        what = "nobody by itself" if facts.view == "top-down" else "one person a frame"
        raise ConfigError(f"{name} finds {what}: it cannot be a detector")
    return facts
