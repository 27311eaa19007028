"""Padding: where each picture lies in the batch, and what the mask says."""

import pytest
import torch

from posebeam.models.networks.padding import padded
from posebeam.transforms.errors import ConfigError


def test_each_picture_lies_at_the_top_left_of_zeros():
    wide, high = torch.rand(3, 4, 9) + 1, torch.rand(3, 6, 5) + 1
    batch, outside = padded([wide, high])
    assert batch.shape == (2, 3, 6, 9)
    assert torch.equal(batch[0, :, :4], wide)
    assert torch.equal(batch[1, :, :, :5], high)
    assert torch.equal(outside, (batch == 0).all(1))
    assert outside.sum() == 2 * 9 + 6 * 4


def test_pictures_of_one_size_need_no_mask():
    images = torch.rand(2, 3, 4, 5)
    batch, outside = padded(list(images))
    assert outside is None
    assert torch.equal(batch, images)
    assert padded(images) == (images, None)


def test_what_stands_in_the_padding_is_forgotten():
    outside = torch.zeros(1, 4, 5, dtype=torch.bool)
    outside[:, 3:] = True
    images = torch.full((1, 3, 4, 5), torch.nan).masked_fill(~outside[:, None], 2.0)
    batch, _ = padded(images, outside)
    assert torch.equal(batch, 2.0 * ~outside[:, None].expand(-1, 3, -1, -1))


@pytest.mark.parametrize(
    ("images", "outside", "said"),
    [
        ([], None, "expected at least one"),
        ([torch.zeros(1, 3, 4, 5)], None, r"\[\[1, 3, 4, 5\]\], expected at least one \[3, h, w\]"),
        ([torch.zeros(3, 4, 5)], torch.zeros(1, 4, 5, dtype=torch.bool), "expected one of the two"),
        (torch.zeros(1, 3, 4, 5), torch.zeros(1, 4, 5), "float32"),
        (
            torch.zeros(1, 3, 4, 5),
            torch.zeros(1, 5, 4, dtype=torch.bool),
            r"\[1, 5, 4\] for images \[1, 3, 4, 5\]",
        ),
    ],
)
def test_what_fits_nothing_is_refused(images, outside, said):
    with pytest.raises(ConfigError, match=said):
        padded(images, outside)
