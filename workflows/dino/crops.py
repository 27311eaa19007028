"""Crops: what DINO cuts out of a picture, and what it does to each piece.

Source: Caron et al., arXiv 2104.14294; main_dino.py of github.com/facebookresearch/dino (Apache-2.0). There PIL
blurs with three boxes, here it is a true normal blur, three deviations to each side.
"""

import torch
from torch import Tensor
from torchvision.transforms import InterpolationMode, v2

from posebeam.models.losses.dino import GLOBALS
from posebeam.workflows.dino.recipes import Cuts

FLIP, GREY = 0.5, 0.2
JITTER, JITTER_CHANCE = (0.4, 0.4, 0.2, 0.1), 0.8  # brightness, contrast, saturation, hue
BLUR = (0.1, 2.0)  # deviation in pixels
BLUR_CHANCE = (1.0, 0.1, 0.5)  # of the first and second global crop, and of local ones
SOLARISED, SOLARISE_CHANCE = 128, 0.2  # values from there on turn over; of the second global crop alone


class Crops:
    """All crops of a picture. Chance is torch's own generator."""

    def __init__(self, cuts: Cuts, size: tuple[int, int]):
        """size: height and width of the network's input in pixels."""
        self.sizes = cuts.sizes(size)
        scales = [cuts.global_scale] * GLOBALS + [cuts.local_scale] * cuts.local
        self._each = [
            _one(sides, scale, place) for place, (sides, scale) in enumerate(zip(self.sizes, scales, strict=True))
        ]

    def __call__(self, picture: Tensor) -> list[Tensor]:
        """A picture uint8 RGB [3, H, W] to crops uint8 [3, h, w], the global ones first."""
        return [each(picture) for each in self._each]


def _one(size: tuple[int, int], scale: tuple[float, float], place: int) -> v2.Compose:
    """One crop of a picture; place: which of them, counted from 0."""
    blur = v2.GaussianBlur(2 * round(3 * BLUR[1]) + 1, BLUR)
    steps = [
        v2.RandomResizedCrop(size, scale=scale, interpolation=InterpolationMode.BICUBIC, antialias=True),
        v2.RandomHorizontalFlip(FLIP),
        v2.RandomApply([v2.ColorJitter(*JITTER)], JITTER_CHANCE),
        v2.RandomGrayscale(GREY),
        v2.RandomApply([blur], BLUR_CHANCE[min(place, GLOBALS)]),
    ]
    if place == 1:
        steps.append(v2.RandomSolarize(SOLARISED, SOLARISE_CHANCE))
    return v2.Compose(steps)


def seeded(crops: Crops, picture: Tensor, seed: int) -> list[Tensor]:
    """The crops that this seed gives, wherever and after whatever it is asked for."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return crops(picture)
