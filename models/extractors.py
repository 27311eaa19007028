"""Extractors: who makes features of frames, by name. Facts without torch; networks when they are asked for."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from posebeam.models import registry
from posebeam.models.assembly import BATCH_SIZE, named
from posebeam.models.device import choose_device
from posebeam.models.row import Weights
from posebeam.models.weights import locate, sha256_of
from posebeam.transforms.errors import ConfigError, WeightsError

if TYPE_CHECKING:
    from torch import nn

    from posebeam.models.frame_features import FrameFeatures

HERE = "movenet-lightning"  # whose weights come with the package


@dataclass(frozen=True)
class Extractor:
    """One way to make features of a frame.

    network     MODULE:NAME below posebeam.models; takes RGB [B, 3, H, W], 0..255 or, `normalised`, ImageNet's way
    width       features a frame
    about       what the features are, for the card
    backbone    the row of backbones.toml whose trunk it is, network being given that row's; or ""
    weights     published ones; without them and without a backbone they are made up, the same ones each time
    """

    name: str
    network: str
    width: int
    about: str
    paper: str
    normalised: bool = False
    backbone: str = ""
    weights: Weights | None = None

    @property
    def made_up(self) -> bool:
        """Whether nothing was learnt."""
        return not self.backbone and self.weights is None

    @property
    def licence(self) -> str:
        """Of the weights."""
        weights = registry.row(self.backbone).weights if self.backbone else self.weights
        return weights.licence if weights else "none: made up"


EXTRACTORS = (
    Extractor(
        "densenet121",
        "networks.densenet:DenseNetFeatures",
        1024,
        "DenseNet121 as ImageNet's 1,000 classes taught it, without its classifier, the mean over cells",
        "DenseNet, arXiv 1608.06993",
        normalised=True,
        weights=Weights(
            licence="BSD-3-Clause",
            source="https://github.com/pytorch/vision",
            sha256="a639ec97",
            url="https://download.pytorch.org/models/densenet121-a639ec97.pth",
        ),
    ),
    Extractor(
        HERE,
        "networks.movenet_features:MoveNetFeatures",
        1280,
        "the trunk of MoveNet Lightning as people's keypoints taught it, the mean over cells",
        "MoveNet SinglePose (model card), Google, 2021; MobileNetV2, arXiv 1801.04381",
        backbone="movenet-lightning",
    ),
    Extractor(
        "densenet121-random",
        "networks.densenet:DenseNetFeatures",
        1024,
        "DenseNet121 with weights of chance: nothing was learnt, what a classifier makes of it is a lower bound",
        "DenseNet, arXiv 1608.06993",
        normalised=True,
    ),
)


def extractor(name: str) -> Extractor:
    """The extractor of that name; ConfigError with the known names otherwise."""
    for each in EXTRACTORS:
        if each.name == name:
            return each
    raise ConfigError(f"no features {name!r}; known: {', '.join(each.name for each in EXTRACTORS)}")


def features_sha256(name: str, file: Path | None = None) -> str:
    """sha256 of the weights that load_extractor(name, weights=file) takes; of made-up ones, of their tensors."""
    facts = _facts(name, file)
    if facts.backbone:
        return registry.weights_sha256(facts.backbone, file)
    if facts.made_up:
        state = _made_up(facts).state_dict()
        return sha256(b"".join(state[key].numpy().tobytes() for key in sorted(state))).hexdigest()
    if file is not None and not file.is_file():
        raise WeightsError(f"{file}: no such file")
    return sha256_of(file or _published_file(facts))


def load_extractor(
    name: str, *, device: str = "auto", weights: Path | None = None, batch_size: int = BATCH_SIZE
) -> FrameFeatures:
    """The extractor with its published weights, or those of a file of yours, on a device: auto, cpu or cuda.

    WeightsError, with what to do, if the weights are not here and cannot be fetched.
    """
    from posebeam.models.frame_features import FrameFeatures
    from posebeam.models.graph import placed

    facts, where = _facts(name, weights), choose_device(device)
    return FrameFeatures(facts, placed(_network(facts, weights), where), where, batch_size)


def _facts(name: str, file: Path | None) -> Extractor:
    facts = extractor(name)
    if facts.made_up and file is not None:
        raise ConfigError(f"{name} is what no weights give: take {file} with the features it is of")
    return facts


def _network(facts: Extractor, file: Path | None) -> nn.Module:
    if facts.backbone:
        network: nn.Module = named(facts.network)(registry.load_network(facts.backbone, file))
        return network.eval()
    if facts.made_up:
        return _made_up(facts)
    from posebeam.models.checkpoint import load

    network = _made_up(facts)
    load(network, file or _published_file(facts))
    return network


def _made_up(facts: Extractor) -> nn.Module:
    """The network with made-up weights, the same ones each time, in evaluation mode."""
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network: nn.Module = named(facts.network)()
    return network.eval()


def _published_file(facts: Extractor) -> Path:
    assert facts.weights is not None
    try:
        return locate(facts.name, facts.weights)
    except WeightsError as error:
        raise WeightsError(
            f"{error}; or name the file (--features-weights FILE). --features {HERE} needs none: its weights come "
            "with posebeam"
        ) from error
