"""Features of a clip: which part of its frames is looked at, and how short clips are filled up.

Source: S. Paul, Video Classification with Transformers, keras.io/examples/vision/video_transformers.
"""

import torch
from torch import Tensor

SIDE = 128  # pixels


def central_box(height: int, width: int, side: int = SIDE) -> tuple[int, int, int, int]:
    """x0, y0, x1, y1: the square of `side` pixels in the middle of a picture, which is not resized before.

    Of a picture that is smaller on an axis, the largest square in its middle, which then has to be enlarged.
    Whole pixels; an odd one is left over on the right and below. As keras.layers.CenterCrop.
    """
    side = min(side, height, width)
    left, top = (width - side) // 2, (height - side) // 2
    return left, top, left + side, top + side


def filled_up(features: Tensor, length: int) -> Tensor:
    """Features [n, F] of a clip's frames to [length, F]: the first `length`, or zeros behind the last.

    The published code meant to do so; it raises an error on clips that are too short.
    """
    kept = features[:length]
    return torch.cat((kept, kept.new_zeros(length - len(kept), features.shape[1])))
