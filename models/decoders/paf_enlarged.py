"""OpenPose's decoder as published for its body network: peaks on heat maps enlarged to the picture."""

from dataclasses import dataclass
from functools import lru_cache, partial

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d
from torch import Tensor
from torch.nn import functional as F

from posebeam.models.decoders.limbs import (
    LIMBS,
    PARTS,
    SKELETON,
    Floats,
    Indices,
    Peaks,
    Person,
    find_links,
    group,
    one_to_one,
    settled,
)

HEIGHT = 184  # rows of pixels that the network is shown of any picture
STRIDE = 8
# Positions in LIMBS in the order in which people are put together: from the neck outwards, spare limbs last.
ORDER = np.array((6, 10, 7, 8, 11, 12, 0, 1, 2, 3, 4, 5, 14, 15, 17, 16, 18, 9, 13))


def shown(size: tuple[int, int]) -> tuple[int, int]:
    """Height and width in which the network is shown a picture of size (H, W), before it is padded.

    Padding goes to multiples of 8, on the right and below.
    """
    return HEIGHT, round(size[1] * (HEIGHT / size[0]))


@dataclass(frozen=True)
class PafEnlarged:
    """Several people a picture, in pixels of it.

    least    heat of a peak in the enlarged and blurred map
    most     peaks a map, the highest; in the publication there is no bound
    blur     sigma of the blur in pixels of the picture
    samples  points of a limb at which its field is looked at
    along    share of them at which the field must exceed `field` in the limb's direction ("more than 0.8" of 10)
    joints   a person has at least
    sure     least mean over a person's joints of their scores and their limbs' scores

    Source: src/body.py of github.com/Hzzone/pytorch-openpose, after Cao et al., arXiv 1611.08050. That enlarges
    57 maps to the picture; here the same sums are made where they are looked at.
    """

    least: float = 0.1
    most: int = 100
    blur: float = 3
    samples: int = 10
    field: float = 0.05
    along: float = 0.9
    joints: int = 4
    sure: float = 0.4

    several = True
    colour = "bgr"

    def people(self, maps: Tensor, size: tuple[int, int], min_score: float) -> tuple[Floats, Floats]:
        """One picture's maps [57, h, w] to xy [P, 18, 2] in pixels of the picture (H, W) and score [P, 18].

        The heat maps come first; pixel (0, 0) is at 0. The surest person comes first. A joint that was not found
        is at (0, 0) with score 0. Everybody has a joint that reaches min_score.
        """
        peaks, people = self.found(maps, size)
        xy, score = settled(people, peaks, self.joints, self.sure)
        seen = score.max(1, initial=0) >= min_score
        return xy[seen], score[seen]

    def found(self, maps: Tensor, size: tuple[int, int]) -> tuple[Peaks, list[Person]]:
        """The peaks and everybody made of them, the doubtful too, in the published order."""
        (h, w), used = maps.shape[1:], shown(size)
        enlarge = enlarging(h, used[0], size[0]), enlarging(w, used[1], size[1])
        peaks = self._peaks(maps[:PARTS], enlarge)
        fields = maps[len(SKELETON) :].double().cpu().numpy()
        tall = (enlarge[0] @ fields).reshape(len(LIMBS), 2, size[0], w)

        look = partial(pixels, tall, enlarge[1])
        links = one_to_one(find_links(peaks, look, size[0], self.samples, self.field, self.along))
        outwards = np.argsort(np.argsort(ORDER)[links.limb], kind="stable")
        return peaks, group(links.taken(outwards), peaks, closing=True)

    def _peaks(self, heats: Tensor, enlarge: tuple[Floats, Floats]) -> Peaks:
        """Pixels of the enlarged and blurred heat maps [18, h, w] that no neighbour exceeds, row by row."""
        rows, columns = (
            torch.from_numpy(gaussian_filter1d(each, self.blur, axis=0)).to(heats.device) for each in enlarge
        )
        found = []
        for joint, heat in enumerate(heats.double()):
            top, left = within(rows, heat, columns, self.least), within(columns, heat.T, rows, self.least)
            row, column = tops(rows[top] @ heat @ columns[left].T, self.least)
            row, column = row + top.start, column + left.start
            score = ((enlarge[0][row] @ heat.cpu().numpy()) * enlarge[1][column]).sum(1)
            kept = np.sort(np.argsort(-score, kind="stable")[: self.most])
            xy = np.stack((column, row), 1)[kept].astype(np.float64)
            found.append((np.full(len(kept), joint), xy, score[kept]))
        return Peaks(*(np.concatenate(each) for each in zip(*found, strict=True)))


def within(rows: Tensor, heat: Tensor, columns: Tensor, least: float) -> slice:
    """The rows of rows [H, h] @ heat [h, w] @ columns.T [w, W] outside of which nothing can exceed `least`."""
    bound = rows.abs() @ heat.abs().amax(1) * columns.abs().sum(1).max()
    high = (bound > least).nonzero()[:, 0].tolist()
    return slice(high[0], high[-1] + 1) if high else slice(0, 0)


def tops(map_: Tensor, least: float) -> tuple[Indices, Indices]:
    """Rows and columns of cells of a map [H, W] above `least` that none of the four neighbours exceeds."""
    top = map_ > least
    top[1:] &= map_[1:] >= map_[:-1]
    top[:-1] &= map_[:-1] >= map_[1:]
    top[:, 1:] &= map_[:, 1:] >= map_[:, :-1]
    top[:, :-1] &= map_[:, :-1] >= map_[:, 1:]
    row, column = top.nonzero().T.cpu().numpy()
    return row, column


def pixels(tall: Floats, columns: Floats, limb: Indices, points: Floats) -> Floats:
    """Fields [M, s, 2] of limbs [M] at the pixels nearest to points [M, s, 2].

    tall: fields [19, 2, H, w] enlarged downwards only; columns [W, w] enlarges them to the right.
    """
    x, y = np.moveaxis(np.rint(points).astype(np.intp), -1, 0)
    there = np.empty(points.shape)
    for number in np.unique(limb):
        mine = limb == number
        there[mine] = np.einsum("cmsw,msw->msc", tall[number][:, y[mine]], columns[x[mine]])
    return there


@lru_cache(maxsize=64)
def enlarging(cells: int, used: int, pixels: int) -> NDArray[np.float64]:
    """[pixels, cells]: one axis of cells enlarged by 8, cut to the `used` first and resized to pixels, bicubic."""
    each = torch.eye(cells, dtype=torch.float64)[None, None]
    enlarged = F.interpolate(each, (cells * STRIDE, cells), mode="bicubic")[:, :, :used]
    matrix = F.interpolate(enlarged, (pixels, cells), mode="bicubic")[0, 0].numpy()
    matrix.flags.writeable = False
    return matrix


paf_enlarged = PafEnlarged()
