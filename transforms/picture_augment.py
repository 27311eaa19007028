"""PictureAugmentation: how training mirrors, crops and resizes whole pictures with all people in them, as DETR."""

from dataclasses import dataclass

import numpy as np

from posebeam.transforms.errors import ConfigError

PUBLISHED = 800  # pixels of the shorter side of the pictures that the numbers below are for


@dataclass(frozen=True)
class PictureChange:
    """What happens to one picture.

    shortest  pixels of the shorter side in the end, where a picture is shown as published
    mirror    first of all it is mirrored
    before    pixels of the shorter side of that in which a window is chosen; 0: the whole picture is shown
    window    least and most pixels of a window's side
    chance    four numbers of 0 up to 1: how wide and high the window is, how far right and below
    """

    shortest: int = PUBLISHED
    mirror: bool = False
    before: int = 0
    window: tuple[int, int] = (384, 600)
    chance: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)

    def region(self, size: tuple[int, int], zoom: float = 1.0) -> tuple[int, int, int, int]:
        """x, y, width, height of the window in a picture of size (h, w); zoom: published pixels are so large."""
        spans = []
        for side, grow, move in zip(size[::-1], self.chance[:2], self.chance[2:], strict=True):
            least, most = (min(side, max(1, round(zoom * each))) for each in self.window)
            length = least + int(grow * (most - least + 1))
            spans.append((int(move * (side - length + 1)), length))
        (x, width), (y, height) = spans
        return x, y, width, height


@dataclass(frozen=True)
class PictureAugmentation:
    """The chances of a PictureChange. The defaults are DETR's; sequential PRTR was published without any.

    flip      chance to be mirrored; shortest: one of these is the shorter side in the end
    crop      chance that a window is shown, of sides of window[0] to window[1] pixels, chosen when one of
              `before` is the shorter side
    All pixels are those of pictures whose shorter side is published as 800.

    Source: make_coco_transforms of github.com/facebookresearch/detr, datasets/coco.py.
    """

    flip: float = 0.5
    shortest: tuple[int, ...] = (480, 512, 544, 576, 608, 640, 672, 704, 736, 768, 800)
    crop: float = 0.5
    before: tuple[int, ...] = (400, 500, 600)
    window: tuple[int, int] = (384, 600)

    def __post_init__(self) -> None:
        sides = (*self.shortest, *self.before, *self.window)
        if not (min(self.flip, self.crop) >= 0 and max(self.flip, self.crop) <= 1):
            raise ConfigError(f"{self}: expected chances of 0 to 1")
        if not (self.shortest and self.before and min(sides) > 0 and self.window[0] <= self.window[1]):
            raise ConfigError(f"{self}: expected sides of one pixel or more, and a window's least before its most")

    def draw(self, rng: np.random.Generator) -> PictureChange:
        """A change; eight numbers of the stream, whatever they lead to."""
        mirror, cropped, shortest, before, *chance = rng.random(8).tolist()
        return PictureChange(
            shortest=self.shortest[int(shortest * len(self.shortest))],
            mirror=mirror < self.flip,
            before=self.before[int(before * len(self.before))] if cropped < self.crop else 0,
            window=self.window,
            chance=(chance[0], chance[1], chance[2], chance[3]),
        )


WHOLE_PICTURE = PictureAugmentation(flip=0.0, shortest=(PUBLISHED,), crop=0.0)
