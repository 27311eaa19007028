"""Layouts: which 13 joints AcT sees, and what each is made of."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from posebeam.transforms.errors import ConfigError
from posebeam.transforms.skeleton import SKELETONS, Skeleton, skeleton

CHANNELS = 4  # x, y, vx, vy


@dataclass(frozen=True)
class Layout:
    """13 joints made of a base skeleton's joints, and the two anchors they are centred and scaled by.

    averaged  joints of the layout that are averages, each with its parts; the others are taken as they are
    zero      parts of the anchor that becomes (0, 0): the shoulders' middle or the neck
    module    parts of the anchor at distance 1 from it: the hips' middle
    """

    name: str
    base: Skeleton
    averaged: dict[str, tuple[str, ...]]
    zero: tuple[str, ...]
    module: tuple[str, ...]

    @property
    def skeleton(self) -> Skeleton:
        """Names, order, limbs and mirror of the 13 joints."""
        return skeleton(self.name)

    @cached_property
    def parts(self) -> tuple[tuple[int, ...], ...]:
        """For each of the 13 joints the positions of its parts in the base skeleton."""
        return tuple(
            tuple(self.base.indices(self.averaged.get(joint, (joint,)))) for joint in self.skeleton.joints
        )

    @cached_property
    def anchors(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Positions in the base skeleton of the parts of zero and of module."""
        return tuple(self.base.indices(self.zero)), tuple(self.base.indices(self.module))

    @cached_property
    def sources(self) -> tuple[str, ...]:
        """Names of the skeletons that have all joints of the base: those that this layout can be made of."""
        return tuple(name for name, other in SKELETONS.items() if set(self.base.joints) <= set(other.joints))

    def indices(self, source: str) -> list[int]:
        """Positions of the base skeleton's joints in a source skeleton; ConfigError if it lacks some."""
        if source not in self.sources:
            raise ConfigError(
                f"layout {self.name} cannot be made of {source!r}; it can of {', '.join(self.sources)}"
            )
        return skeleton(source).indices(self.base.joints)

    def seen(self, valid: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Mask of the base's joints [..., K] to mask of the 13: one is seen if any of its parts is."""
        return np.stack([valid[..., list(parts)].any(-1) for parts in self.parts], axis=-1)


def _feet(side: str) -> tuple[str, ...]:
    return tuple(f"{side}_{part}" for part in ("ankle", "big_toe", "small_toe", "heel"))


# The order of parts is the published order of summation: another one differs in the last bit.
LAYOUTS: dict[str, Layout] = {
    layout.name: layout
    for layout in (
        # Ankles are averages of one: the published code divides them by 1 + 1e-9 as well.
        Layout(
            "act13-coco",
            skeleton("coco17"),
            {
                "head": ("nose", "left_eye", "right_eye", "left_ear", "right_ear"),
                "left_ankle": ("left_ankle",),
                "right_ankle": ("right_ankle",),
            },
            zero=("left_shoulder", "right_shoulder"),
            module=("left_hip", "right_hip"),
        ),
        Layout(
            "act13-body25",
            skeleton("body25"),
            {
                "head": ("nose", "right_eye", "left_eye", "right_ear", "left_ear"),
                "right_foot": _feet("right"),
                "left_foot": _feet("left"),
            },
            zero=("neck",),
            module=("mid_hip",),
        ),
    )
}


def layout(name: str) -> Layout:
    """The layout of that name; ConfigError with the known names otherwise."""
    if name not in LAYOUTS:
        raise ConfigError(f"no layout {name!r}; known: {', '.join(LAYOUTS)}")
    return LAYOUTS[name]
