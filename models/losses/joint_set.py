"""PRTR's set loss: each joint is given a query of its own, and the queries are judged by that.

Source: Li et al. (PRTR), arXiv 2104.06976, section 3.2, equations 1 and 2; two_stage of
github.com/mlpc-ucsd/PRTR.
"""

from collections.abc import Mapping
from functools import partial
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor

from posebeam.models.decoders.matching import matched
from posebeam.models.losses.terms import Terms, cardinality_error, class_error, class_loss, over_layers
from posebeam.transforms.errors import ConfigError, DataError

WEIGHTS: Mapping[str, float] = MappingProxyType({"loss_ce": 1.0, "loss_kpts": 5.0})
DISTANCE_COST = 5.0  # of an L1 distance in the matching; a probability's is 1


def joint_set_loss(outputs: Mapping[str, Any], target: Tensor, visible: Tensor) -> Terms:
    """PRTR's outputs (pred_logits [B, Q, K + 1], pred_coords [B, Q, 2], aux_outputs) to loss and parts.

    target [B, K, 2]: x, y as parts of the crop, also outside of 0..1; visible [B, K]: weights, 0 unseen. All
    joints are matched, seen or not, and an unseen one counts as a class; it does not count as a place.
    """
    return over_layers(outputs, partial(_of_layer, target=target, visible=visible), WEIGHTS)


def _of_layer(layer: Mapping[str, Tensor], target: Tensor, visible: Tensor) -> dict[str, Tensor]:
    return joint_terms(layer["pred_logits"], layer["pred_coords"], target, visible)


def joint_terms(
    logits: Tensor, coords: Tensor, target: Tensor, visible: Tensor, background_first: bool = False
) -> dict[str, Tensor]:
    """One layer's loss_ce, loss_kpts, class_error and cardinality_error; shapes as in `joint_set_loss`.

    loss_kpts is the mean of |distance| x visible over B x K x 2, times K: not divided by the joints seen.
    background_first: class 0 is no joint, not class K, as in the sequential model. B may be 0.
    """
    count = target.shape[1]
    query = match_joints(logits, coords, target, background_first)
    joints = torch.arange(count, device=logits.device).expand_as(query) + background_first
    background = 0 if background_first else count
    classes = torch.full(logits.shape[:2], background, device=logits.device).scatter(1, query, joints)
    away = (coords.gather(1, query[..., None].expand(-1, -1, 2)).float() - target.float()).abs()
    chosen = logits.gather(1, query[..., None].expand(-1, -1, logits.shape[-1]))  # [B, K, K + 1]
    return {
        "loss_ce": class_loss(logits, classes, background),
        "loss_kpts": (away * visible.float()[..., None]).sum() / max(1, 2 * len(target)),
        "class_error": class_error(chosen.flatten(0, 1), joints.flatten()),
        "cardinality_error": cardinality_error(logits, torch.full_like(query[:, 0], count), background),
    }


@torch.no_grad()
def match_joints(logits: Tensor, coords: Tensor, target: Tensor, background_first: bool = False) -> Tensor:
    """The query of each joint, int64 [B, K]: least sum of 5 L1 - probability, softmax over all K + 1 classes."""
    count = target.shape[1]
    if logits.shape[-1] != count + 1 or logits.shape[1] < count:
        raise ConfigError(f"logits {list(logits.shape)}: expected [B, {count} or more queries, {count + 1}]")
    chance = logits.float().softmax(-1)
    chance = chance[..., 1:] if background_first else chance[..., :-1]
    benefit = chance - DISTANCE_COST * torch.cdist(coords.float(), target.float(), p=1)  # [B, Q, K]
    if not benefit.isfinite().all():
        raise DataError("the network's joints or their targets are not finite: nothing to match; lower the rate")
    return matched(benefit)
