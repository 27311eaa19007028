"""Augmentation: what training does to windows, so that few of them teach more.

Functions take x float32 [B, T, 52] in torso lengths (and valid bool [B, T, 13]) and return them anew; chance
comes from an explicit generator, drawn apart for every window.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from posebeam.transforms.chain import Chain
from posebeam.transforms.errors import ConfigError
from posebeam.transforms.layout import CHANNELS, Layout

Windows = NDArray[np.float32]
Mask = NDArray[np.bool_]


def _joints(x: Windows) -> Windows:
    """[B, T, 52] as [B, T, 13, 4]."""
    return x.reshape(*x.shape[:-1], x.shape[-1] // CHANNELS, CHANNELS)


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
    pairs = x.reshape(*x.shape[:-1], x.shape[-1] // 2, 2)  # [B, T, 26, 2]: positions and velocities in turn
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


_FLIPS = ("swap", "published", "none")


@dataclass(frozen=True)
class Augmentation:
    """What happens to a batch of training windows, in this order.

    slowest  play parts of the window down to this share of it at full length; 1: never
    flip     half of the windows become mirror images: swap sides, published (sides stay), or none
    turn     radians; stretch: 0.2 is up to 1.2 times, or down to a 1.2th
    hide     chance of each joint to be taken away
    noise    torso lengths
    """

    slowest: float = 1.0
    flip: str = "swap"
    turn: float = 0.0
    stretch: float = 0.0
    hide: float = 0.0
    noise: float = 0.03

    def __post_init__(self) -> None:
        if self.flip not in _FLIPS:
            raise ConfigError(f"flip: got {self.flip!r}, expected one of {', '.join(_FLIPS)}")
        if not 0 < self.slowest <= 1 or not 0 <= self.hide < 1 or min(self.turn, self.stretch, self.noise) < 0:
            raise ConfigError(
                f"{self}: expected 0 < slowest <= 1, 0 <= hide < 1, and no turn, stretch, noise below 0"
            )

    def __call__(
        self, x: Windows, valid: Mask, chain: Chain, layout: Layout, rng: np.random.Generator
    ) -> tuple[Windows, Mask]:
        """x [B, T, 52] and valid [B, T, 13] of one chain and layout, augmented."""
        if self.slowest < 1:
            x, valid = hurry(x, valid, self.slowest, chain, rng)
        if self.flip != "none":
            x, valid = self._flip(x, valid, layout, rng.random(len(x)) < 0.5)
        if self.turn or self.stretch:
            x = bend(x, self.turn, self.stretch, rng)
        if self.hide:
            x, valid = hide(x, valid, self.hide, rng)
        return (noise(x, self.noise, rng) if self.noise else x), valid

    def _flip(self, x: Windows, valid: Mask, layout: Layout, chosen: Mask) -> tuple[Windows, Mask]:
        images, seen = mirror(x, valid, layout) if self.flip == "swap" else (mirror_published(x), valid)
        chosen = chosen[:, None, None]
        return np.where(chosen, images, x), np.where(chosen, seen, valid)
