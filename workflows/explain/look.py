"""Look: one picture through one network, with the attention that it paid."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from posebeam.models.attended import chosen
from posebeam.models.attention import attention_maps
from posebeam.models.backbone import Backbone
from posebeam.models.crop import crop
from posebeam.models.row import Row
from posebeam.models.top_down import HALF_PIXEL
from posebeam.transforms.errors import ConfigError, EstimateError
from posebeam.transforms.framing import FRAMINGS, from_edges, inverse, through
from posebeam.transforms.skeleton import skeleton
from posebeam.workflows.draw import draw_people


@dataclass(frozen=True, eq=False)
class Look:
    """What a top-down network made of the piece of a frame around a box.

    label    what the network is called in the picture
    piece    uint8 RGB [H, W, 3]   what it saw, before its colours were normalised
    xy       float64 [K, 2]        the joints in pixels of the piece, 0 at the MIDDLE of the first, as published
    score    float32 [K]
    maps     by layer, attention [heads, queries, keys]
    outputs  what the network returned, for a batch of one
    layers   embeddings [layers, 1, Q, d] of a decoder that has queries, else None
    """

    row: Row
    label: str
    network: nn.Module
    piece: NDArray[np.uint8]
    xy: NDArray[np.float64]
    score: NDArray[np.float32]
    maps: Mapping[str, Tensor]
    outputs: Any
    layers: Tensor | None


def look(
    row: Row,
    label: str,
    backbone: Backbone,
    frame: NDArray[np.uint8],
    box: NDArray[np.float64],
    layers: tuple[str, ...] = (),
) -> Look:
    """The person in a box [4] (x, y, w, h) of a frame [H, W, 3]; `layers` by their names (models/attended.py).

    ConfigError if the network has no attention to look at; EstimateError if its output is not finite.
    """
    paths, said = chosen(backbone.network, layers), _Said(backbone.network)
    if not paths:
        raise ConfigError(f"{row.name} has no attention to look at; TransPose, BTranspose, PRTR and DETR have")
    with attention_maps(backbone.network) as maps, said:
        people = backbone.in_boxes([frame], [box[None]])[0]
    if not people.finite:
        raise EstimateError(f"{row.name}: its output for this picture is not finite")
    framing = FRAMINGS[row.framing]
    to_source = framing.to_source(framing.pieces(box[None], row.input), row.input)
    return Look(
        row,
        label,
        backbone.network,
        piece_of(frame, to_source, row.input),
        through(people.xy - HALF_PIXEL, inverse(to_source))[0],
        people.score[0],
        {name: maps[path][0].float().cpu() for name, path in paths.items()},
        said.outputs,
        said.layers,
    )


def drawn(look: Look) -> NDArray[np.uint8]:
    """The piece with the estimated person on it, uint8 [H, W, 3]."""
    return draw_people(
        look.piece, look.xy[None], look.score[None], skeleton(look.row.skeleton), look.row.min_score
    )


def piece_of(frame: NDArray[np.uint8], to_source: NDArray[np.float64], size: tuple[int, int]) -> NDArray[np.uint8]:
    """What a map [1, 2, 3] (between middles of pixels) shows of a frame, uint8 [h, w, 3]."""
    image = crop([frame], from_edges(to_source), size, torch.device("cpu"))[0]
    return image.round().to(torch.uint8).permute(1, 2, 0).numpy()


class _Said:
    """A context: what a network returns, and the embeddings that its decoder makes for it."""

    def __init__(self, network: nn.Module):
        self.outputs: Any = None
        self.layers: Tensor | None = None
        self._network = network

    def __enter__(self) -> "_Said":
        decoder = getattr(getattr(self._network, "transformer", None), "decoder", None)
        self._hooks = [self._network.register_forward_hook(self._take)]
        if decoder is not None:
            self._hooks.append(decoder.register_forward_hook(self._take_layers))
        return self

    def __exit__(self, *_: object) -> None:
        for hook in self._hooks:
            hook.remove()

    def _take(self, _: nn.Module, __: Any, outputs: Any) -> None:
        self.outputs = outputs

    def _take_layers(self, _: nn.Module, __: Any, layers: Tensor) -> None:
        self.layers = layers.float().cpu()
