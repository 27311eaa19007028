"""Assembly: a row's facts and a network, put together to what estimates people or finds boxes."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from posebeam.models.row import Row

if TYPE_CHECKING:
    import torch
    from torch import nn

    from posebeam.models.backbone import Backbone
    from posebeam.models.detector import Detector

BATCH_SIZE = 32


def estimator_of(
    facts: Row,
    network: nn.Module,
    device: torch.device,
    *,
    batch_size: int = BATCH_SIZE,
    decode: str = "",
    crop_following: bool = True,
    detector: Detector | None = None,
    flip: bool = False,
) -> Backbone:
    """The backbone around a network that is here already."""
    from posebeam.models.backbone import Backbone

    facts.check_flip(flip)
    twice = {"flip": True} if flip else {}
    view = named(facts.estimator)(facts, network, decoder_of(facts, decode), device, batch_size, **twice)
    return Backbone(facts, view, batch_size, crop_following=crop_following, detector=detector)


def detector_of(facts: Row, network: nn.Module, device: torch.device, *, batch_size: int = BATCH_SIZE) -> Detector:
    """A detector's row around a network that is here already."""
    made: Detector = named(facts.estimator)(facts, network, decoder_of(facts), device, batch_size)
    return made


def decoder_of(facts: Row, way: str = "") -> Any:
    """What turns the network's outputs into joints or boxes; "" is the row's first way."""
    return named(facts.decoders[facts.decode(way)])


def named(path: str) -> Any:
    """What MODULE:NAME below posebeam.models is."""
    module, name = path.split(":")
    return getattr(import_module(f"posebeam.models.{module}"), name)
