"""PictureSet: whole pictures with everybody in them, as a network that finds persons by itself is shown them."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from posebeam.models.canvas import STEP, Canvas
from posebeam.models.crop import box_matrix, crop
from posebeam.models.pixels import normalised
from posebeam.models.row import Row
from posebeam.pipelines.images.reader import ImageReader
from posebeam.pipelines.row_group import Ints
from posebeam.transforms.errors import DataError
from posebeam.transforms.picture_augment import PUBLISHED, PictureAugmentation, PictureChange
from posebeam.transforms.skeleton import skeleton
from posebeam.workflows.pose.data import PictureBatch, chance


class Persons(NamedTuple):
    """The persons of one picture: boxes [n, 4], joints [n, 17, 2], visible [n, 17], as in PictureBatch."""

    boxes: NDArray[np.float64]
    joints: NDArray[np.float64]
    visible: NDArray[np.bool_]


class PictureSet(Dataset[PictureBatch]):
    """Those of the images of these numbers in which somebody has a labelled joint. Whole batches are made at once.

    images [n] are their numbers. row: whose pictures are shown as models/canvas.py does; the shorter side of its
    input stands for the 800 pixels of the publication.
    """

    def __init__(
        self, reader: ImageReader, images: Ints, row: Row, augmentation: PictureAugmentation, seed: int = 0
    ):
        """DataError if there is nobody."""
        self.reader, self._row, self._augmentation, self._seed = reader, row, augmentation, seed
        self._zoom = min(row.input) / PUBLISHED
        self._sides = list(skeleton(row.skeleton).mirror)
        people = reader.people
        self.images = np.intersect1d(images, people.image[people.trains])
        if not len(self):
            raise DataError(f"{reader.out}: nobody in its {len(images)} images has a box and a labelled joint")

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, number: int) -> PictureBatch:
        return self.__getitems__([number])

    def __getitems__(self, numbers: Sequence[int]) -> PictureBatch:
        drawn = [chance(self._seed, number, len(self)) for number in numbers]
        images = self.images[[place for place, _ in drawn]]
        frames = self.reader.images(images)
        each = [
            self._one(frame, self._persons(image), self._augmentation.draw(rng))
            for frame, image, (_, rng) in zip(frames, images.tolist(), drawn, strict=True)
        ]
        pictures, persons = [picture for picture, _ in each], [one for _, one in each]
        return PictureBatch(
            *_padded(pictures),
            [torch.from_numpy(one.boxes.astype(np.float32)) for one in persons],
            [torch.from_numpy(one.joints.astype(np.float32)) for one in persons],
            [torch.from_numpy(one.visible.astype(np.float32)) for one in persons],
            torch.from_numpy(self.reader.image_ids[images]),
        )

    def _persons(self, image: int) -> Persons:
        """Everybody in an image who is no crowd, in source pixels; boxes here are corners x0, y0, x1, y1."""
        people = self.reader.people
        first, end = np.searchsorted(people.image, (image, image + 1))
        which = first + np.flatnonzero(people.boxed[first:end])
        corners = people.boxes[which].copy()
        corners[:, 2:] += corners[:, :2]
        return Persons(corners, people.joints[which].astype(np.float64), people.labels[which] > 0)

    def _one(self, frame: NDArray[np.uint8], persons: Persons, change: PictureChange) -> tuple[Tensor, Persons]:
        """A frame [H, W, 3] and who is in it, after the change: [1, 3, h, w] and persons in parts of that."""
        size = frame.shape[0], frame.shape[1]
        window, shown = self._window(size, change)
        to_source = box_matrix(window, shown)
        if change.mirror:
            to_source[0] = (0, 0, size[1]) - to_source[0]  # the window lies in the mirror image
            persons = mirror_image(persons, size[1], self._sides)
        picture = crop([frame], to_source[None], shown, torch.device("cpu"))
        return normalised(picture, self._row.colour), in_window(persons, window)

    def _window(self, size: tuple[int, int], change: PictureChange) -> tuple[list[float], tuple[int, int]]:
        """x0, y0, x1, y1 of what is shown of a frame (H, W), and height and width in which it is shown."""
        last = self._canvas(change.shortest)
        if not change.before:
            return [0, 0, size[1], size[0]], last.picture(size)
        chosen_in = self._canvas(change.before).picture(size)
        x, y, w, h = change.region(chosen_in, self._zoom)
        by_x, by_y = size[1] / chosen_in[1], size[0] / chosen_in[0]
        return [x * by_x, y * by_y, (x + w) * by_x, (y + h) * by_y], last.picture((h, w))

    def _canvas(self, published: int) -> Canvas:
        """That whose shorter side was published as so many pixels."""
        return Canvas(max(1, round(published * self._zoom)), self._row.colour, torch.device("cpu"))


def mirror_image(persons: Persons, width: int, sides: Sequence[int]) -> Persons:
    """Persons, their boxes as corners, of a picture `width` pixels wide as those of its mirror image."""
    boxes = np.array((width, 0, width, 0)) + persons.boxes[:, [2, 1, 0, 3]] * (-1, 1, -1, 1)
    joints = np.array((width, 0)) + persons.joints[:, sides] * (-1, 1)
    return Persons(boxes, joints, persons.visible[:, sides])


def in_window(persons: Persons, window: Sequence[float]) -> Persons:
    """Persons, their boxes as corners, in parts of a window x0, y0, x1, y1; who is not in it is left out.

    Boxes are cut at its edges and become cx, cy, w, h; a joint outside is not visible, and one that is not lies
    at (0, 0).
    """
    corner, size = np.array(window[:2]), np.array(window[2:]) - window[:2]
    ends = ((persons.boxes.reshape(-1, 2, 2) - corner) / size).clip(0, 1)  # [n, 2, 2]
    kept = (ends[:, 1] > ends[:, 0]).all(1)
    low, high = ends[kept, 0], ends[kept, 1]
    joints = (persons.joints[kept] - corner) / size
    visible = persons.visible[kept] & ((joints >= 0) & (joints <= 1)).all(2)
    return Persons(
        np.concatenate(((low + high) / 2, high - low), 1), np.where(visible[..., None], joints, 0.0), visible
    )


def _padded(pictures: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """Pictures [1, 3, h, w] to one batch [B, 3, H, W] and where it is padding [B, H, W]."""
    size = [-(-max(each.shape[axis] for each in pictures) // STEP) * STEP for axis in (2, 3)]
    images = pictures[0].new_zeros(len(pictures), 3, *size)
    padding = torch.ones(len(pictures), *size, dtype=torch.bool)
    for image, outside, picture in zip(images, padding, pictures, strict=True):
        height, width = picture.shape[2:]
        image[:, :height, :width] = picture[0]
        outside[:height, :width] = False
    return images, padding
