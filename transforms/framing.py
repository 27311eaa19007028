"""Framing: the piece of a picture around a person that a top-down network is shown, and the way back."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from posebeam.transforms.errors import ConfigError
from posebeam.transforms.skeleton import Skeleton

Array = NDArray[np.float64]

MARGIN = 1.25  # how much more than the padded box is shown
# Pixels that a piece measures at least: one without width would have no way back.
_LEAST = 0.01


@dataclass(frozen=True, eq=False)
class Pieces:
    """Upright pieces of a picture: centre [P, 2] (x, y) and extent [P, 2] (width, height), in source pixels."""

    centre: Array
    extent: Array

    @property
    def area(self) -> Array:
        """Square pixels [P], margin and padding included: what suppression takes for a person's area."""
        return np.asarray(self.extent.prod(1), np.float64)


@dataclass(frozen=True)
class Framing:
    """How a family of networks measures: a side of n pixels is n - less long.

    less = 0: from edge to edge. 1: from the middle of the first pixel to the middle of the last, so that the
    first columns of input and heat map show one line of the picture, and the last ones too. All coordinates
    here are 0 at the MIDDLE of the top left pixel, as in both families' publications and in OpenCV.
    """

    less: int

    def __post_init__(self) -> None:
        if self.less not in (0, 1):
            raise ConfigError(f"Framing.less: got {self.less}, expected 0 (edges) or 1 (middles of pixels)")

    def clean(self, boxes: Array, size: tuple[int, int]) -> tuple[Array, NDArray[np.intp]]:
        """Annotated boxes [P, 4] (x, y, w, h) within a picture of size (H, W): [N, 4], and which they were [N].

        One that starts right of the picture or below it is left out; one that starts left of it or above is
        moved in, not cut: as published.
        """
        low = np.maximum(boxes[:, :2], 0)
        high = np.minimum(low + np.maximum(boxes[:, 2:] - 1, 0), (size[1] - 1, size[0] - 1))
        kept = np.flatnonzero((high >= low).all(1))
        return np.concatenate((low, high - low + self.less), 1)[kept], kept

    def pieces(self, boxes: Array, size: tuple[int, int], margin: float = MARGIN) -> Pieces:
        """Around boxes [P, 4] (x, y, w, h), padded to the proportions of an input of size (h, w), then widened."""
        w, h = boxes[:, 2], boxes[:, 3]
        aspect = size[1] / size[0]
        extent = np.stack((np.maximum(w, h * aspect), np.maximum(h, w / aspect)), 1)
        return Pieces(boxes[:, :2] + (boxes[:, 2:] - self.less) / 2, extent * margin)

    def to_source(self, pieces: Pieces, size: tuple[int, int], rotation: Array | float = 0.0) -> Array:
        """Maps [P, 2, 3] from points (x, y) of an input or heat map of size (h, w) to points of the picture.

        rotation: degrees [P] by which a piece is turned clockwise in the picture. The width decides the zoom of
        both axes. size may be the heat map's with the input's proportions: its cells then have maps of their own.
        """
        half = (size[1] - self.less) / 2
        reach = np.maximum(pieces.extent[:, 0] - self.less, _LEAST) / 2
        angle = np.broadcast_to(np.deg2rad(rotation), reach.shape)
        # The centre and two points that make a right angle, in float32 as published: pieces of a pixel show it.
        centre = pieces.centre.astype(np.float32)
        above = (centre + np.stack((np.sin(angle), -np.cos(angle)), 1) * reach[:, None]).astype(np.float32)
        beside = above + (centre - above)[:, ::-1] * np.array((-1, 1), np.float32)
        linear = np.stack((above - beside, centre - above), 2).astype(np.float64) / half
        middle = (np.array((size[1], size[0])) - self.less) / 2
        return np.concatenate((linear, (centre - linear @ middle)[..., None]), 2)


# Sources: github.com/microsoft/human-pose-estimation.pytorch, leoxiaobin/deep-high-resolution-net.pytorch and
# mlpc-ucsd/PRTR (edges); yangsenius/TransPose (middles), after Huang et al., arXiv 1911.07524.
FRAMINGS = {"edges": Framing(0), "middles": Framing(1)}


def inverse(maps: Array) -> Array:
    """The maps [P, 2, 3] the other way."""
    linear = np.linalg.inv(maps[:, :, :2])
    return np.concatenate((linear, -linear @ maps[:, :, 2:]), 2)


def from_edges(maps: Array) -> Array:
    """The same maps [P, 2, 3] where both sides count from the top left EDGE of the top left pixel.

    That is how `models.crop.crop` counts.
    """
    shift = 0.5 - 0.5 * maps[:, :, :2].sum(2)
    return np.concatenate((maps[:, :, :2], (maps[:, :, 2] + shift)[..., None]), 2)


def through(points: NDArray[np.floating], maps: Array) -> Array:
    """Points [P, K, 2] of each piece through its map [P, 2, 3]: [P, K, 2]."""
    return np.asarray(points @ maps[:, :, :2].transpose(0, 2, 1) + maps[:, None, :, 2], np.float64)


def mirrored(
    xy: Array, visible: NDArray[np.floating], skeleton: Skeleton, width: int
) -> tuple[Array, NDArray[np.floating]]:
    """Joints xy [..., K, 2] and visible [..., K] of a picture `width` pixels wide as those of its mirror image.

    A joint that is not visible is at (0, 0), as published.
    """
    order = list(skeleton.mirror)
    seen = visible[..., order]
    turned = np.array((width - 1, 0)) + xy[..., order, :] * (-1, 1)
    return turned * seen[..., None], seen
