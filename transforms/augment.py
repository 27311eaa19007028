"""Augmentation: what training does to windows so that few of them teach more.

Functions take x float32 [B, T, 52] in torso lengths (and valid bool [B, T, 13]) and return them anew; chance
comes from an explicit generator, drawn apart for every window.
"""

import numpy as np
from numpy.typing import NDArray

from posebeam.transforms.chain import Chain
from posebeam.transforms.layout import CHANNELS, Layout

Windows = NDArray[np.float32]
Mask = NDArray[np.bool_]


def _joints(x: Windows) -> Windows:
    """[B, T, 52] as [B, T, 13, 4]."""
    return x.reshape(*x.shape[:-1], -1, CHANNELS)


def mirror_published(x: Windows) -> Windows:
    """Mirror images as published: x and vx change sign, and left joints keep the names of left joints.

    A mirrored left arm is a right arm: `mirror` mends that. Source: github.com/PIC4SeR/AcT, data augmentation.
    """
    return (_joints(x) * np.array([-1, 1, -1, 1], x.dtype)).reshape(x.shape)


def mirror(x: Windows, valid: Mask, layout: Layout) -> tuple[Windows, Mask]:
    """Mirror images: x and vx change sign, and left and right joints change places."""
    sides = list(layout.skeleton.mirror)
    return _joints(mirror_published(x))[..., sides, :].reshape(x.shape), valid[..., sides]


def noise(x: Windows, sigma: float, rng: np.random.Generator) -> Windows:
    """Normal noise on all features, positions and velocities apart. Published with sigma 0.03."""
    return x + np.float32(sigma) * rng.standard_normal(x.shape, np.float32)


def bend(x: Windows, turn: float, stretch: float, rng: np.random.Generator) -> Windows:
    """Turn the body around its centre by up to `turn` radians, and scale its width and its height apart by up
    to 1 + stretch or its inverse. Positions and velocities alike: the map is linear.
    """
    B = len(x)
    angle = rng.uniform(-turn, turn, B)
    width, height = (1 + stretch) ** rng.uniform(-1, 1, (2, B))
    cos, sin = np.cos(angle), np.sin(angle)
    maps = np.stack([width * cos, -width * sin, height * sin, height * cos], -1).reshape(B, 1, 1, 2, 2)
    pairs = x.reshape(*x.shape[:-1], -1, 2)  # [B, T, 26, 2]: positions and velocities in turn
    return (pairs @ maps[:, 0].astype(np.float32).swapaxes(-1, -2)).reshape(x.shape)


def hurry(x: Windows, valid: Mask, slowest: float, chain: Chain, rng: np.random.Generator) -> tuple[Windows, Mask]:
    """Play a part of the window, `slowest` to 1 of its length and anywhere in it, at full length.

    Positions are interpolated, a joint counts as seen where its nearest frame has it, and velocities are
    the chain's own of the new positions.
    """
    B, T = x.shape[:2]
    share = rng.uniform(slowest, 1, (B, 1))
    time = (rng.uniform(size=(B, 1)) * (1 - share) + share * np.linspace(0, 1, T)) * (T - 1)  # [B, T]
    before = np.minimum(time.astype(np.int64), T - 2)
    part = (time - before)[..., None, None]
    window = np.arange(B)[:, None]
    places = _joints(x)[..., :2].astype(np.float64)
    moved = places[window, before] * (1 - part) + places[window, before + 1] * part
    seen = valid[window, np.rint(time).astype(np.int64)]
    return chain.motion(moved, seen)[0].reshape(x.shape).astype(np.float32), seen


def hide(x: Windows, valid: Mask, chance: float, rng: np.random.Generator) -> tuple[Windows, Mask]:
    """Take joints away for whole windows, each with this chance: their features are 0, and not valid."""
    kept = rng.random((len(x), 1, valid.shape[-1])) >= chance
    return (_joints(x) * kept[..., None].astype(x.dtype)).reshape(x.shape), valid & kept
