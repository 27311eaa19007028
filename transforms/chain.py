"""Chains: named, versioned tuples of pure functions from keypoints to what AcT sees.

Chains are added, never edited: data sets and trained models name theirs, and must mean the same for ever.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from posebeam.transforms import steps
from posebeam.transforms.errors import ConfigError
from posebeam.transforms.layout import CHANNELS, Layout, layout
from posebeam.transforms.steps import Mask, Points

Step = Callable[[Points, Mask], tuple[Points, Mask]]
Merge = Callable[[Points, Mask, Layout], tuple[Points, Mask]]

FEATURES = 13 * CHANNELS


@dataclass(frozen=True)
class Chain:
    """Four functions in a row, all in float64.

    clean   [..., T, K, 2] to the same     what becomes of joints that were not seen
    merge   [..., T, K, 2] to [15, 2]      the layout's 13 joints and its 2 anchors
    place   [..., T, 15, 2] to [13, 2]     centred and scaled by the anchors
    motion  [..., T, 13, 2] to [13, 4]     with velocities

    about tells data cards what it does.
    """

    name: str
    version: int
    about: str
    clean: Step
    merge: Merge
    place: Step
    motion: Step

    def norm13(
        self, xy: NDArray[np.floating], valid: Mask, source: str = "coco17", layout_name: str = "act13-coco"
    ) -> tuple[Points, Mask]:
        """Keypoints xy [..., T, K, 2] in pixels and valid [..., T, K] to centred joints [..., T, 13, 2] in
        torso lengths and valid [..., T, 13]. T may be 1: a still has a pose and no motion.

        source names the skeleton that K counts; ConfigError if the layout cannot be made of it.
        """
        placed, _, seen = self._placed(xy, valid, source, layout(layout_name))
        return placed, seen

    def apply(
        self, xy: NDArray[np.floating], valid: Mask, source: str = "coco17", layout_name: str = "act13-coco"
    ) -> tuple[Points, Mask]:
        """Keypoints xy [..., T, K, 2] in pixels and valid [..., T, K] to features [..., T, 52] in torso
        lengths and valid [..., T, 13]: whether a joint was seen in that frame.

        The 52 are joint by joint x, y, vx, vy. Errors as in norm13.
        """
        placed, known, seen = self._placed(xy, valid, source, layout(layout_name))
        moving, _ = self.motion(placed, known)
        return moving.reshape(*moving.shape[:-2], FEATURES), seen

    def _placed(
        self, xy: NDArray[np.floating], valid: Mask, source: str, target: Layout
    ) -> tuple[Points, Mask, Mask]:
        columns = target.indices(source)
        if xy.ndim < 3 or xy.shape[-1] != 2 or valid.shape != xy.shape[:-1]:
            raise ValueError(
                f"chain {self.name}: got xy {list(xy.shape)} and valid {list(valid.shape)}, "
                f"expected [..., T, K, 2] and [..., T, K]"
            )
        points, mask = np.take(xy, columns, axis=-2).astype(np.float64, copy=False), valid[..., columns]
        seen = target.seen(mask)
        points, mask = self.merge(*self.clean(points, mask), target)
        return *self.place(points, mask), seen


CHAINS: dict[str, Chain] = {
    chain.name: chain
    for chain in (
        # The published chain, quirks included: a missing joint is a point at the frame's corner that moves
        # when the body does, and the first velocity is the position.
        Chain(
            "act",
            1,
            "the published AcT chain, quirks included: v[0] is the position, a missing joint is (0, 0) before "
            "centring and looks real after it (use `valid`)",
            steps.zero_missing,
            steps.merge_nonzero,
            steps.centre,
            steps.velocities_from_position,
        ),
        # The same idea, blind to values under the mask; gaps of a joint are interpolated within the window.
        Chain(
            "act-repaired",
            1,
            "the AcT chain with its quirks mended: centring looks at seen joints only, v[0] = 0, gaps are "
            "interpolated",
            steps.fill_gaps,
            steps.merge_seen,
            steps.centre_seen,
            steps.velocities_from_rest,
        ),
        # Ours: one origin and scale a window instead of a frame, so that motion through the picture is seen.
        Chain(
            "act-window",
            1,
            "as act-repaired, but centred and scaled once a window and not once a frame, so that the way through "
            "the picture stays",
            steps.fill_gaps,
            steps.merge_seen,
            steps.centre_window,
            steps.velocities_from_rest,
        ),
    )
}


def chain(name: str) -> Chain:
    """The chain of that name; ConfigError with the known names otherwise."""
    if name not in CHAINS:
        raise ConfigError(f"no chain {name!r}; known: {', '.join(CHAINS)}")
    return CHAINS[name]
