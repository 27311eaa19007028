"""ImageReader: the images of a finished data set and the people in them, for training."""

from collections import OrderedDict
from collections.abc import Sequence
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from posebeam.pipelines.bounds import MOST_PIXELS, Bounds
from posebeam.pipelines.images.people import Annotated
from posebeam.pipelines.manifest import FILE, read_manifest
from posebeam.pipelines.row_group import Ints, firsts_of, group_of, list_groups, random_order, read_columns
from posebeam.pipelines.row_groups import MEMORY
from posebeam.pipelines.stills.still import decoded
from posebeam.transforms.errors import DataError, DecodeError

_BYTES = "image.bytes"
_AS_BUILT = Bounds(MOST_PIXELS)  # whoever built the data set said what is too large
_COLUMNS = ["clip_id", "label", "group", "image_id", "width", "height", "people"]


class ImageReader:
    """All images of OUT, numbered 0..n-1; what is told about them is read once, pictures when asked for.

    Holds up to `memory` bytes of encoded images; where `readers` processes share an order, each its part of that.
    DataError if OUT is unfinished, damaged, or holds no images.
    """

    def __init__(self, out: Path, memory: int = MEMORY):
        manifest = read_manifest(out)
        self.out = out
        self.digest = sha256((out / FILE).read_bytes()).hexdigest()
        self.config: dict[str, Any] = manifest["config"]
        self.classes: tuple[str, ...] = tuple(manifest["classes"])
        self.readers = 1
        self._memory = memory
        self._files = [file for file in manifest["files"] if file["product"] == "images"]
        self._held: OrderedDict[int, pa.Array] = OrderedDict()
        self._groups = list_groups(out, self._files, _image_bytes)
        self._firsts = firsts_of(self._groups)
        if not len(self):
            raise DataError(
                f"{out} holds no images: posebeam build images or coco-images makes a data set of them"
            )

    def __len__(self) -> int:
        return sum(group.rows for group in self._groups)

    @cached_property
    def _rows(self) -> pa.Table:
        return read_columns(self.out, self._files, _COLUMNS)

    @cached_property
    def people(self) -> Annotated:
        """Everybody who is annotated in the images."""
        return Annotated.of(self._rows["people"])

    @cached_property
    def image_ids(self) -> Ints:
        """[n] the annotation file's numbers; -1 where there is none."""
        return self._rows["image_id"].fill_null(-1).to_numpy()

    @cached_property
    def sizes(self) -> Ints:
        """[n, 2] height and width of the pictures in pixels."""
        return np.stack([self._rows[name].to_numpy() for name in ("height", "width")], 1).astype(np.int64)

    @cached_property
    def clips(self) -> NDArray[np.object_]:
        """[n] clip ids."""
        return self._rows["clip_id"].to_numpy()

    @cached_property
    def groups(self) -> NDArray[np.object_]:
        """[n] names of the groups that must stay on one side of a split."""
        return self._rows["group"].to_numpy()

    @cached_property
    def labels(self) -> Ints:
        """[n] indices into `classes`."""
        return self._rows["label"].to_numpy().astype(np.int64)

    def part(self, name: str) -> Ints:
        """The numbers of the images of train, validation or test, rising."""
        return np.flatnonzero(self._rows["part"].to_numpy() == name)

    @property
    def _budget(self) -> int:
        """Bytes that this process may hold."""
        return self._memory // self.readers

    def order(self, images: Ints, rng: np.random.Generator) -> Ints:
        """Places in `images`, each once, in a random order that reads nothing twice (see random_order)."""
        return random_order(self._groups, images, self._budget, rng)

    def shuffled(self, images: Ints, rng: np.random.Generator) -> Ints:
        """The images in such an order."""
        return images[self.order(images, rng)]

    def images(self, numbers: Sequence[int] | Ints) -> list[NDArray[np.uint8]]:
        """Pictures uint8 RGB [H, W, 3], in the order asked for; each is decoded once.

        DataError if one cannot be decoded any more.
        """
        each, place = np.unique(np.asarray(numbers, np.int64), return_inverse=True)
        pictures = [self._picture(number) for number in each.tolist()]
        return [pictures[index] for index in place]

    def _picture(self, number: int) -> NDArray[np.uint8]:
        group = int(group_of(self._firsts, np.array(number)))
        content = self._read(group)[number - self._groups[group].first].as_buffer()
        try:
            return decoded(np.frombuffer(content, np.uint8), _AS_BUILT)
        except DecodeError as error:
            raise DataError(f"{self.out}: {self.clips[number]}: {error}: run posebeam check {self.out}") from error

    def _read(self, number: int) -> pa.Array:
        """The encoded images of one row group."""
        if number in self._held:
            self._held.move_to_end(number)
            return self._held[number]
        group = self._groups[number]
        table = pq.ParquetFile(group.path).read_row_group(group.index, columns=[_BYTES])
        self._held[number] = table["image"].combine_chunks().field("bytes")
        while len(self._held) > 1 and self.held_bytes > self._budget:
            self._held.popitem(last=False)
        return self._held[number]

    @property
    def held_bytes(self) -> int:
        """Bytes of encoded images that are in memory."""
        return sum(self._groups[number].bytes for number in self._held)


def _image_bytes(group: pq.RowGroupMetaData) -> int:
    """Bytes of the images of a row group, encoded as they are."""
    columns = (group.column(index) for index in range(group.num_columns))
    return int(next(column.total_uncompressed_size for column in columns if column.path_in_schema == _BYTES))
