"""Features of a clip: which part of its frames is looked at, and how short clips are filled up.

Source: S. Paul, Video Classification with Transformers, keras.io/examples/vision/video_transformers.
"""

import numpy as np
from numpy.typing import NDArray

SIDE = 128  # pixels
LENGTH = 20  # frames, the first ones of a clip


def central_box(height: int, width: int, side: int = SIDE) -> tuple[int, int, int, int]:
    """x0, y0, x1, y1: the square of `side` pixels in the middle of a picture, which is not resized before.

    Of a picture that is smaller on an axis, the largest square in its middle, which then has to be enlarged.
    Whole pixels; an odd one is left over on the right and below. As keras.layers.CenterCrop.
    """
    side = min(side, height, width)
    left, top = (width - side) // 2, (height - side) // 2
    return left, top, left + side, top + side


def filled_up(features: NDArray[np.float32], length: int = LENGTH) -> NDArray[np.float32]:
    """Features [n, F] of a clip's frames to [length, F]: the first `length`, or zeros behind the last.

    The published code meant to do so; it raises an error on clips that are too short.
    """
    full = np.zeros((length, features.shape[1]), np.float32)
    full[: len(features)] = features[:length]
    return full
