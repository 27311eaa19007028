"""ExplainJoints: what each joint's place, or the query that found it, looked at: a row a layer."""

from collections.abc import Sequence

import torch
from torch import Tensor

from posebeam.models.attended import BLOCK
from posebeam.models.decoders.matching import matched
from posebeam.models.dependency import THRESHOLDS, areas, enlarged, one_map, shown
from posebeam.transforms.skeleton import skeleton
from posebeam.workflows.explain.grid import Strip, Tile
from posebeam.workflows.explain.look import Look, drawn


def joint_strips(look: Look, joints: Sequence[str], way: str, head: int | None, threshold: float) -> list[Strip]:
    """A row a layer, a picture a joint; the first picture is the skeleton.

    way and head as in models/dependency.py; threshold: below 0 the published one.
    """
    picked, first = skeleton(look.row.skeleton).indices(joints), drawn(look)
    titles = [joint.replace("_", "\n", 1) for joint in joints]
    least = _threshold(look) if threshold < 0 else threshold
    strips = []
    for layer, attention in look.maps.items():
        heat = shown(_looked_at(look, one_map(attention, head), picked, way), least).numpy()
        tiles = [
            Tile(title, area, (look.xy[k][0], look.xy[k][1]), bool(look.score[k] >= look.row.min_score))
            for title, area, k in zip(titles, heat, picked, strict=True)
        ]
        label = f"{look.label}\n{_called(look, layer)}" + (f"\nabove {least:g}" if least else "")
        strips.append(Strip(label, first, look.piece, tiles))
    return strips


def by_queries(look: Look) -> bool:
    """Whether the joints were found by queries that look at the picture, not at places in it."""
    return isinstance(look.outputs, dict)


def _threshold(look: Look) -> float:
    """The published one; none where queries look."""
    return 0.0 if by_queries(look) else THRESHOLDS[_stride(look)]


def _stride(look: Look) -> int:
    """Pixels of a cell, by the keys of the attention."""
    H, W = look.row.input
    return round((H * W / next(iter(look.maps.values())).shape[2]) ** 0.5)


def _looked_at(look: Look, attention: Tensor, joints: list[int], way: str) -> Tensor:
    """Attention [queries, keys] to [K, H, W] for the joints."""
    image, stride = look.row.input, _stride(look)
    size = (image[0] // stride, image[1] // stride)
    if by_queries(look):
        query = matched(look.outputs["pred_logits"][..., :-1].float().softmax(-1))[0].cpu()
        return enlarged(attention[query[joints]].unflatten(1, size), image)
    return areas(attention, size, torch.from_numpy(look.xy[joints]), image, way)


def _called(look: Look, layer: str) -> str:
    if layer == BLOCK:
        return "attention block"
    return f"{'decoder' if by_queries(look) else 'encoder'} layer {layer}"
