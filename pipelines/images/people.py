"""Annotated: everybody who is annotated in the images of a data set, as arrays."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from posebeam.pipelines.row_group import Ints

KEYPOINTS = 17


@dataclass(frozen=True, eq=False)
class Annotated:
    """P people, those of the first image first.

    image          int64 [P] numbers of their images in the reader
    annotation_id  int64 [P]
    boxes          float64 [P, 4]: x, y, w, h in source pixels, as annotated
    joints         float32 [P, 17, 2]: x and y in source pixels, 0 at the corner of the first pixel; (0, 0) where
                   not labelled
    labels         int8 [P, 17]: 0 not labelled, 1 hidden, 2 seen
    area           float64 [P] square pixels; nan where none is annotated
    crowd          bool [P]
    """

    image: Ints
    annotation_id: Ints
    boxes: NDArray[np.float64]
    joints: NDArray[np.float32]
    labels: NDArray[np.int8]
    area: NDArray[np.float64]
    crowd: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.image)

    @property
    def boxed(self) -> NDArray[np.bool_]:
        """bool [P]: one person, no crowd, and not of an area or a box of nothing."""
        return np.asarray(~self.crowd & ~(self.area <= 0) & (self.boxes[:, 2:] > 0).all(1))

    @property
    def trains(self) -> NDArray[np.bool_]:
        """bool [P]: boxed, and a joint is labelled: who joints are learnt from, as published.

        Source: coco.py of github.com/leoxiaobin/deep-high-resolution-net.pytorch, lib/dataset.
        """
        return self.boxed & (self.labels > 0).any(1)

    @classmethod
    def of(cls, column: pa.ChunkedArray) -> "Annotated":
        """Out of the column `people` of all images."""
        lists = column.combine_chunks()
        counts = lists.value_lengths().to_numpy(zero_copy_only=False)
        people = lists.flatten()
        points = people.field("keypoints").flatten().to_numpy(zero_copy_only=False).reshape(-1, KEYPOINTS, 3)
        return cls(
            image=np.repeat(np.arange(len(counts)), counts),
            annotation_id=people.field("annotation_id").to_numpy(zero_copy_only=False),
            boxes=people.field("bbox").flatten().to_numpy(zero_copy_only=False).reshape(-1, 4),
            joints=np.ascontiguousarray(points[..., :2]),
            labels=points[..., 2].astype(np.int8),
            area=people.field("area").to_numpy(zero_copy_only=False).astype(np.float64),
            crowd=people.field("iscrowd").to_numpy(zero_copy_only=False),
        )
