"""ExplainRefinement: how PRTR's queries become joints: every decoder layer's guesses through the shared heads.

Source: Li et al., PRTR, arXiv 2104.06976, section 3.2 and figure 6.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import torch
from numpy.typing import NDArray

from posebeam.models.decoders.matching import matched
from posebeam.models.networks.detr import outputs
from posebeam.models.networks.prtr import PRTR
from posebeam.transforms.errors import ConfigError
from posebeam.transforms.skeleton import skeleton
from posebeam.workflows.explain.look import Look, drawn
from posebeam.workflows.explain.sheet import TITLE, Sheet, label_width

_WIDE = 2.6  # inches of a picture across
_GAP, _RIGHT, _HEAD, _BOTTOM = 0.08, 1.4, 0.3, 0.15


def draw_refinement(looks: Sequence[Look], title: str, note: str, path: Path) -> None:
    """Write a PNG: a row a network, a picture a decoder layer; the first picture is the skeleton.

    Every query is a dot where it puts its joint, in the colour of the joint that it takes itself for, the fainter
    the less sure; the 17 that are matched with the joints have a ring, and the last layer's are the estimate.
    """
    for look in looks:
        if not isinstance(look.network, PRTR):
            raise ConfigError(f"--refinement: {look.row.name} has no queries for joints; the prtr rows have")
    rows, left = [guesses(look) for look in looks], label_width([look.label for look in looks])
    tall = [_WIDE * look.piece.shape[0] / look.piece.shape[1] for look in looks]
    end = left + (1 + max(map(len, rows))) * (_WIDE + _GAP)
    height = TITLE + _HEAD + sum(tall) + _GAP * len(looks) + _BOTTOM
    sheet, top = Sheet(end + _RIGHT, height, title, note), TITLE + _HEAD
    for look, layers, own in zip(looks, rows, tall, strict=True):
        estimate = sheet.axes(left, top, _WIDE, own)
        sheet.picture(estimate, drawn(look), look.label)
        pictures = [
            sheet.axes(left + column * (_WIDE + _GAP), top, _WIDE, own) for column in range(1, 1 + len(layers))
        ]
        for axes, guess in zip(pictures, layers, strict=True):
            _draw_guesses(axes, look.piece, *guess)
        if look is looks[0]:
            for axes, name in zip([estimate, *pictures], _names(len(layers)), strict=True):
                axes.set_title(name, fontsize=10, pad=4)
        top += own + _GAP
    _add_legend(sheet, looks[0], end)
    sheet.save(path)


def _names(layers: int) -> list[str]:
    return ["estimate", *(f"decoder layer {layer}" for layer in range(layers))]


def guesses(look: Look) -> list[tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.int64]]]:
    """For each decoder layer: places xy [Q, 2] in pixels of the piece, scores [Q, K + 1] (no joint last), and the
    query [K] matched with each joint, as the published read-out matches them.
    """
    network, found = look.network.cpu(), look.layers
    assert isinstance(network, PRTR) and found is not None  # noqa: PT018  draw_refinement refuses others
    with torch.inference_mode():
        last = outputs(found, True, pred_logits=network.class_embed, pred_coords=network.kpt_embed)
    length = np.array(look.row.input[::-1], np.float32)
    layers = []
    for each in (*last["aux_outputs"], last):
        logits, places = each["pred_logits"], each["pred_coords"][0].numpy() * length
        query = matched(logits[..., :-1].softmax(-1))[0].numpy()
        layers.append((places, logits[0].softmax(-1).numpy(), query))
    return layers


def _draw_guesses(
    axes: Any,
    piece: NDArray[np.uint8],
    xy: NDArray[np.float32],
    score: NDArray[np.float32],
    query: NDArray[np.int64],
) -> None:
    """One layer's guesses on the darkened piece."""
    h, w = piece.shape[:2]
    axes.imshow(piece // 2, interpolation="bilinear")
    joint, sure = score[:, :-1].argmax(1), score[:, :-1].max(1)
    colours = palette(len(query))[joint]
    colours[:, 3] = 0.25 + 0.75 * sure
    axes.scatter(xy[:, 0], xy[:, 1], s=14, c=colours, linewidths=0, zorder=2)
    own = palette(len(query))
    axes.scatter(xy[query, 0], xy[query, 1], s=60, c=own, edgecolors="white", linewidths=1.1, zorder=3)
    axes.set(xlim=(-0.5, w - 0.5), ylim=(h - 0.5, -0.5))


def palette(joints: int) -> NDArray[np.float64]:
    """A colour a joint, RGBA [joints, 4]."""
    return np.asarray(mpl.colormaps["hsv"](np.arange(joints) / joints), np.float64)


def _add_legend(sheet: Sheet, look: Look, left: float) -> None:
    """The joints' colours."""
    names = skeleton(look.row.skeleton).joints
    axes = sheet.axes(left, TITLE + _HEAD, _RIGHT, sheet.height - TITLE - _HEAD)
    axes.set_axis_off()
    for name, colour in zip(names, palette(len(names)), strict=True):
        axes.scatter([], [], s=40, color=colour, label=name.replace("_", " "))
    axes.legend(loc="upper left", fontsize=7, frameon=False, borderaxespad=0, handletextpad=0.2)
