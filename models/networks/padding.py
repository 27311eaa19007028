"""Padding: of pictures of different sizes to one batch, and of maps as TensorFlow pads them."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from posebeam.transforms.errors import ConfigError


def padded(images: Tensor | Sequence[Tensor], outside: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
    """A batch [B, 3, H, W] with bool [B, H, W], true in the padding; None where there is no padding.

    images: [B, 3, H, W], with or without `outside`; or a sequence of [3, h, w] of different sizes, each of which
    comes to lie at the top left. What stands in the padding is 0: the norms' mean, as published.
    """
    if not isinstance(images, Tensor):
        if outside is not None:
            raise ConfigError(
                "a sequence of images with a mask: expected one of the two, the mask follows from sizes"
            )
        images, outside = _stacked(images)
    elif outside is not None:
        if outside.dtype != torch.bool or outside.shape != (len(images), *images.shape[-2:]):
            raise ConfigError(
                f"a mask {outside.dtype} {list(outside.shape)} for images {list(images.shape)}, "
                "expected bool [B, H, W]: true in the padding"
            )
        images = images.masked_fill(outside[:, None], 0)
    return images, outside


def _stacked(images: Sequence[Tensor]) -> tuple[Tensor, Tensor | None]:
    if not len(images) or any(image.ndim != 3 for image in images):
        raise ConfigError(
            f"images of shapes {[list(image.shape) for image in images]}, expected at least one [3, h, w]"
        )
    sizes = [tuple(image.shape[-2:]) for image in images]
    if len(set(sizes)) == 1:
        return torch.stack(list(images)), None
    H, W = (max(side) for side in zip(*sizes, strict=True))
    rest = [(0, W - w, 0, H - h) for h, w in sizes]
    batch = torch.stack([F.pad(image, pad) for image, pad in zip(images, rest, strict=True)])
    masks = [
        F.pad(image.new_zeros(image.shape[-2:], dtype=torch.bool), pad, value=True)
        for image, pad in zip(images, rest, strict=True)
    ]
    return batch, torch.stack(masks)


def same(x: Tensor) -> Tensor:
    """TensorFlow's SAME for 3 x 3 at stride 2 on even sizes: a row below and a column to the right.

    The value is said so that onnxruntime makes it a part of the convolution: it leaves pads without one alone.
    """
    return F.pad(x, (0, 1, 0, 1), value=0.0)
