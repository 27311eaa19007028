"""PersonSet: persons of a data set's images, cut out as a top-down network is shown them."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import Dataset

from posebeam.models.crop import crop
from posebeam.models.pixels import normalised
from posebeam.models.row import Row
from posebeam.models.top_down import HALF_PIXEL
from posebeam.pipelines.images.reader import ImageReader
from posebeam.pipelines.row_group import Ints
from posebeam.transforms.errors import ConfigError, DataError
from posebeam.transforms.framing import FRAMINGS, from_edges
from posebeam.transforms.pose_augment import PoseAugmentation, Shown, shown
from posebeam.transforms.skeleton import skeleton
from posebeam.workflows.pose.data import PoseBatch, chance


class PersonSet(Dataset[PoseBatch]):
    """Who can be learnt from in the images of these numbers. Whole batches are made at once.

    persons [n] are their numbers in reader.people, images [n] those of their images. row: a top-down backbone's.
    """

    def __init__(self, reader: ImageReader, images: Ints, row: Row, augmentation: PoseAugmentation, seed: int = 0):
        """DataError if there is nobody."""
        if row.view != "top-down":
            raise ConfigError(
                f"backbone {row.name} looks at {row.view}s: it is not trained on one person at a time"
            )
        self.reader, self._row, self._augmentation, self._seed = reader, row, augmentation, seed
        self._framing, self._skeleton = FRAMINGS[row.framing], skeleton(row.skeleton)
        people = reader.people
        trains = np.flatnonzero(people.trains & np.isin(people.image, images))
        self.boxes, kept = self._clean(trains)
        self.persons = trains[kept]
        self.images = people.image[self.persons]
        if not len(self):
            raise DataError(f"{reader.out}: nobody in its {len(images)} images has a box and a labelled joint")

    def _clean(self, persons: Ints) -> tuple[NDArray[np.float64], Ints]:
        """Boxes [n, 4] within the pictures, and whose of the persons they are [n], rising."""
        people, boxes, kept = self.reader.people, [np.zeros((0, 4))], [np.zeros(0, np.int64)]
        sizes, which = np.unique(self.reader.sizes[people.image[persons]], axis=0, return_inverse=True)
        for index, (height, width) in enumerate(sizes.tolist()):
            of_size = np.flatnonzero(which == index)
            clean, whose = self._framing.clean(people.boxes[persons[of_size]], (height, width))
            boxes.append(clean)
            kept.append(of_size[whose])
        order = np.argsort(np.concatenate(kept))
        return np.concatenate(boxes)[order], np.concatenate(kept)[order]

    def __len__(self) -> int:
        return len(self.persons)

    def __getitem__(self, number: int) -> PoseBatch:
        return self.__getitems__([number])

    def __getitems__(self, numbers: Sequence[int]) -> PoseBatch:
        drawn = [chance(self._seed, number, len(self)) for number in numbers]
        places = np.array([place for place, _ in drawn], np.int64)
        frames = self.reader.images(self.images[places])
        seen = self._shown(places, [rng for _, rng in drawn], frames)
        pixels = crop(frames, from_edges(seen.to_source), self._row.input, torch.device("cpu"))
        return PoseBatch(
            normalised(pixels, self._row.colour),
            torch.from_numpy(seen.joints.astype(np.float32)),
            torch.from_numpy(seen.visible.astype(np.float32)),
            torch.from_numpy(self.reader.image_ids[self.images[places]]),
            torch.from_numpy(self.reader.people.annotation_id[self.persons[places]]),
            torch.from_numpy(seen.to_source),
        )

    def _shown(
        self, places: Ints, streams: Sequence[np.random.Generator], frames: Sequence[NDArray[np.uint8]]
    ) -> Shown:
        """The persons at these places as each stream has them."""
        persons = self.persons[places]
        joints = self.reader.people.joints[persons].astype(np.float64) - HALF_PIXEL
        visible = (self.reader.people.labels[persons] > 0).astype(np.float64)
        counts = visible.sum(1).astype(int).tolist()
        changes = [self._augmentation.draw(rng, count) for rng, count in zip(streams, counts, strict=True)]
        pieces = self._framing.pieces(self.boxes[places], self._row.input)
        widths = np.array([frame.shape[1] for frame in frames])
        return shown(changes, pieces, joints, visible, widths, self._framing, self._row.input, self._skeleton)
