"""ExplainJoints: what each joint's place, or the query that found it, looked at: a row a layer."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from posebeam.models.attended import BLOCK
from posebeam.models.decoders.matching import matched
from posebeam.models.dependency import THRESHOLDS, areas, enlarged, one_map, shown
from posebeam.transforms.skeleton import skeleton
from posebeam.workflows.draw import draw_people
from posebeam.workflows.explain_grid import Strip, Tile
from posebeam.workflows.explain_look import Look


def joint_strips(look: Look, joints: Sequence[str], way: str, head: int | None, threshold: float) -> list[Strip]:
    """A row a layer, a picture a joint; the first picture is the skeleton.

    way and head as in models/dependency.py; threshold: below 0 the published one.
    """
    skeletal = skeleton(look.row.skeleton)
    picked = skeletal.indices(joints)
    drawn = draw_people(look.piece, look.xy[None], look.score[None], skeletal, look.row.min_score)
    titles = [joint.replace("_", "\n", 1) for joint in joints]
    strips = []
    for layer, attention in look.maps.items():
        heat = _heat(look, one_map(attention, head), picked, way, threshold)
        tiles = [
            Tile(title, area, (look.xy[k][0], look.xy[k][1]), bool(look.score[k] >= look.row.min_score))
            for title, area, k in zip(titles, heat, picked, strict=True)
        ]
        strips.append(Strip(f"{look.label}\n{_called(look, layer)}", drawn, look.piece, tiles))
    return strips


def by_queries(look: Look) -> bool:
    """Whether the joints were found by queries that look at the picture, not at places in it."""
    return isinstance(look.outputs, dict)


def _heat(look: Look, attention: Tensor, joints: list[int], way: str, threshold: float) -> NDArray[np.floating]:
    """Attention [queries, keys] to [K, H, W] for the joints."""
    H, W = look.row.input
    if by_queries(look):
        query = matched(look.outputs["pred_logits"][..., :-1].float().softmax(-1))[0].cpu()
        size = (H // 32, W // 32)
        return enlarged(attention[query[joints]].unflatten(1, size), (H, W)).numpy()
    stride = round((H * W / len(attention)) ** 0.5)
    points = torch.from_numpy(look.xy[joints])
    found = areas(attention, (H // stride, W // stride), points, (H, W), way)
    return shown(found, THRESHOLDS[stride] if threshold < 0 else threshold).numpy()


def _called(look: Look, layer: str) -> str:
    if layer == BLOCK:
        return "attention block"
    return f"{'decoder' if by_queries(look) else 'encoder'} layer {layer}"
