"""Terms: what a set loss is made of, by the published names, over all layers of a decoder."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

NO_OBJECT = 0.1  # what a query of no object counts in the classes' loss


class Terms(NamedTuple):
    """total: the scalar to lower; parts: scalars by name, those of earlier layers with _0, _1, ... behind."""

    total: Tensor
    parts: dict[str, Tensor]


def over_layers(
    outputs: Mapping[str, Any],
    of_layer: Callable[[Mapping[str, Tensor]], dict[str, Tensor]],
    weights: Mapping[str, float],
) -> Terms:
    """The terms of the last layer and of those in aux_outputs, each matched for itself; total: weighted sum.

    Terms without a weight are for logs: they are kept, without gradients, and not summed.
    """
    parts = dict(of_layer(outputs))
    total = _sum(parts, weights)
    for number, layer in enumerate(outputs.get("aux_outputs", ())):
        earlier = of_layer(layer)
        total = total + _sum(earlier, weights)
        # The last layer alone says how good the classes are, as published.
        parts |= {f"{name}_{number}": value for name, value in earlier.items() if name != "class_error"}
    return Terms(total, {name: value.detach() for name, value in parts.items()})


def _sum(parts: Mapping[str, Tensor], weights: Mapping[str, float]) -> Tensor:
    """The weighted sum of one layer's parts."""
    return torch.stack([weight * parts[name] for name, weight in weights.items()]).sum()


def class_loss(logits: Tensor, classes: Tensor, background: int) -> Tensor:
    """Logits [N, Q, C] and classes int64 [N, Q] to the weighted mean of cross-entropies, a scalar; 0 where N is 0.

    `background` counts NO_OBJECT, all others 1, in the sum and in what it is divided by.
    """
    if not len(logits):
        return logits.float().sum()
    counts = torch.ones(logits.shape[-1], device=logits.device)
    counts[background] = NO_OBJECT
    return F.cross_entropy(logits.float().flatten(0, 1), classes.flatten(), counts)


def class_error(logits: Tensor, classes: Tensor) -> Tensor:
    """Matched queries' logits [M, C] and their classes [M] to the percentage that is wrong; 100 where M is 0."""
    right = (logits.argmax(-1) == classes).float()
    return 100 - 100 * (right.mean() if len(right) else right.sum())


def cardinality_error(logits: Tensor, counts: Tensor, background: int) -> Tensor:
    """Logits [N, Q, C] and true counts [N]: by how many the objects said are off, in the mean."""
    said = (logits.argmax(-1) != background % logits.shape[-1]).sum(1)
    away = (said - counts).abs().float()
    return away.mean() if len(away) else away.sum()
