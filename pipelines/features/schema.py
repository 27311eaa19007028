"""FeatureSchema: the product of clips' features, a row a clip, for the hybrid classifier."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from posebeam.models.clip_features import LENGTH, filled_up
from posebeam.pipelines.schema import CLIP_FIELDS, Product


def features(width: int) -> Product:
    """A row a clip: features [20, width] flattened, of its first 20 frames; `length` are real, the others 0."""
    fields = [
        pa.field("features", pa.list_(pa.float32(), LENGTH * width), nullable=False),
        pa.field("length", pa.int32(), nullable=False),
    ]
    return Product("features", pa.schema([*fields, *CLIP_FIELDS]), 64)


def feature_row(clip: Mapping[str, Any], found: NDArray[np.float32]) -> pa.Table:
    """One row, of the features [n, width] of a clip's first n frames, 1 to 20."""
    count, width = found.shape
    if not 1 <= count <= LENGTH:
        raise ValueError(f"features of {count} frames, expected 1 to {LENGTH}")
    row = {**clip, "features": filled_up(found).ravel(), "length": count}
    return pa.Table.from_pylist([row], schema=features(width).schema)
