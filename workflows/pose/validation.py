"""PoseValidation: COCO's AP of a network in training: its people in pictures against the annotated ones."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.utils.data import DataLoader, Dataset

from posebeam.models.assembly import estimator_of
from posebeam.models.detector import Boxes
from posebeam.models.row import Row
from posebeam.pipelines.coco.ap import CocoAp, Truth, average_precision, indexed
from posebeam.pipelines.coco.people import InBoxes, annotated_boxes, results_of
from posebeam.pipelines.coco.results import PERSON
from posebeam.pipelines.images.reader import ImageReader
from posebeam.pipelines.row_group import Ints
from posebeam.pipelines.stills.schema import HALF_PIXEL
from posebeam.transforms.errors import DataError
from posebeam.transforms.framing import FRAMINGS

PICTURES = 8  # a batch of the loader; people go to the network in batches of their own

Results = dict[int, list[dict[str, Any]]]  # of each picture, by its number in the reader


class Pictures(NamedTuple):
    """Numbers of pictures in the reader, and the pictures: uint8 RGB [H, W, 3] each."""

    numbers: list[int]
    frames: list[NDArray[np.uint8]]


class PictureFrames(Dataset[Pictures]):
    """The pictures of these numbers [n], as they are."""

    def __init__(self, reader: ImageReader, images: Ints):
        self._reader, self._images = reader, images

    def __len__(self) -> int:
        return len(self._images)

    def __getitem__(self, place: int) -> Pictures:
        return self.__getitems__([place])

    def __getitems__(self, places: Sequence[int]) -> Pictures:
        return Pictures(self._images[list(places)].tolist(), self._reader.images(self._images[list(places)]))


class PoseValidation:
    """Sees pictures as `coco-eval --boxes gt` does: top-down networks in the annotated boxes, others as they are.

    Without flip test. DataError if nobody is annotated with joints in the images of these numbers [n].
    """

    def __init__(self, reader: ImageReader, images: Ints, row: Row):
        self._row, self._top_down = row, row.view == "top-down"
        self.images = np.sort(images)
        self.truth = truth_of(reader, self.images)
        self._boxes: Mapping[int, Boxes] = annotated_boxes(self.truth, row) if self._top_down else {}
        seen = [number for number in self.images.tolist() if self.truth.annotated(number)]
        if not seen:
            raise DataError(f"{reader.out}: nobody with joints in the {len(images)} images that validate")
        # Pictures without people tell nothing of who is shown annotated boxes.
        self._frames = PictureFrames(reader, np.array(seen) if self._top_down else self.images)

    def loader(self, workers: int = 0) -> "DataLoader[Pictures]":
        """The pictures that are to be seen."""
        return DataLoader(self._frames, batch_size=PICTURES, num_workers=workers, collate_fn=lambda whole: whole)

    def see(self, network: nn.Module, pictures: Pictures) -> Results:
        """What the network, which it leaves in evaluation mode, makes of pictures: COCO's results of each."""
        device = next(network.parameters()).device
        boxless = _NoDetector() if self._top_down else None
        backbone: Any = estimator_of(self._row, network, device, detector=boxless, crop_following=False)
        estimator = InBoxes(backbone) if self._top_down else backbone
        hints = [self._boxes.get(number) for number in pictures.numbers]
        framing = FRAMINGS[self._row.framing] if self._top_down else None
        with torch.inference_mode():
            everyone = estimator(pictures.frames, hints)
        return {
            number: list(results_of(number, people, estimator, self._row, framing))
            for number, people in zip(pictures.numbers, everyone, strict=True)
        }

    def measure(self, results: Results) -> CocoAp:
        """AP and AR over all images that validate."""
        flat = [one for number in sorted(results) for one in results[number]]
        return average_precision(self.truth, flat, self.images.tolist())


class _NoDetector:
    """Stands where a Backbone has its detector: boxes are annotated."""

    name, halvings = "annotated", 0

    def __call__(self, frames: Sequence[NDArray[np.uint8]]) -> list[Boxes]:
        raise RuntimeError("validation looks into annotated boxes only")


def truth_of(reader: ImageReader, images: Iterable[int]) -> Truth:
    """What is annotated in images of these numbers, which take the place of the annotation file's."""
    people, numbers = reader.people, np.fromiter(images, np.int64)
    sizes = zip(numbers.tolist(), reader.sizes[numbers].tolist(), strict=True)
    entries = [{"id": number, "height": height, "width": width} for number, (height, width) in sizes]
    which = np.flatnonzero(np.isin(people.image, numbers)).tolist()
    return Truth(reader.out, indexed(entries, [_entry(reader, index) for index in which]))


def _entry(reader: ImageReader, index: int) -> dict[str, Any]:
    """A person as COCO writes it; where no area is annotated, the box's."""
    people = reader.people
    flags = people.labels[index]
    points = np.where(flags[:, None] > 0, people.joints[index].astype(np.float64) - HALF_PIXEL, 0.0)
    box, area = people.boxes[index], float(people.area[index])
    return {
        "id": index + 1,  # pycocotools takes 0 for nobody
        "image_id": int(people.image[index]),
        "category_id": PERSON,
        "bbox": box.tolist(),
        "area": float(box[2] * box[3]) if np.isnan(area) else area,
        "iscrowd": int(people.crowd[index]),
        "keypoints": np.column_stack((points, flags)).ravel().tolist(),
        "num_keypoints": int((flags > 0).sum()),
    }
