"""OpenPose's body network as an estimator: what it is shown, and both ways of reading it, in source pixels."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from posebeam.models import registry
from posebeam.models.decoders.paf_enlarged import paf_enlarged

SIZE = (368, 500)  # of the picture, which is shown 184 x 250, padded to 184 x 256
ROW = registry.row("openpose-body")


@pytest.fixture(scope="module")
def maps():
    """Heat maps [19, 23, 32] and fields [38, 23, 32] of four people, as in decoders/test_paf_enlarged.py."""
    with np.load(Path(__file__).parent / "golden" / "paf_enlarged.npz") as file:
        return torch.from_numpy(file["maps"] / 1000).float(), torch.from_numpy(file["fields"] / 1000).float()


class Says(nn.Module):
    """Says the same of every picture, and remembers what it was shown."""

    def __init__(self, heats, fields):
        super().__init__()
        self.heats, self.fields, self.shown = heats, fields, []

    def forward(self, images):
        self.shown.append(images.clone())
        return self.fields.expand(len(images), -1, -1, -1), self.heats.expand(len(images), -1, -1, -1)


def estimator(network: nn.Module, decode: str = ""):
    return registry.estimator_of(ROW, network, torch.device("cpu"), decode=decode)


def test_people_are_those_of_the_published_read_out(maps):
    finder = estimator(Says(*maps))
    (people,) = finder([np.zeros((*SIZE, 3), np.uint8)], [None])
    xy, score = paf_enlarged.people(torch.cat(maps), SIZE, ROW.min_score)
    assert finder.several
    assert len(people) == len(xy) == 4
    found = score > 0
    np.testing.assert_allclose(people.xy[:, :18][found], xy[found] + 0.5, rtol=1e-6)
    assert (people.xy[:, :18][~found] == 0).all()
    assert (people.score[:, 18] == 0).all()  # nobody's background
    for person, box in zip(people.xy, people.boxes, strict=True):
        assert (person.max(0) <= box[2:] + 40).all()


def test_argmax_takes_the_highest_cell_of_each_map(maps):
    (people,) = estimator(Says(*maps), "argmax")([np.zeros((*SIZE, 3), np.uint8)], [None])
    heats = maps[0].numpy()
    rows, columns = np.unravel_index(heats.reshape(19, -1).argmax(1), heats.shape[1:])
    expected = np.stack((columns * 8 * 500 / 250, rows * 8 * 368 / 184), -1)
    seen = people.score[0] >= ROW.min_score
    assert len(people) == 1
    assert seen.sum() > 10
    np.testing.assert_allclose(people.xy[0][seen], expected[seen], rtol=1e-5)


def test_pictures_are_shown_bgr_184_high_with_grey_on_the_right(maps):
    network = Says(*maps)
    red = np.zeros((*SIZE, 3), np.uint8)
    red[..., 0] = 255
    estimator(network)([red], [None])
    (shown,) = network.shown
    assert shown.shape == (1, 3, 184, 256)
    assert (shown[..., 250:] == 0).all()
    inner = shown[0, :, 5:-5, 5:245]
    assert torch.allclose(inner[2], torch.tensor(255 / 256 - 0.5), atol=1e-5)
    assert (inner[:2] == -0.5).all()


def test_not_finite_maps_are_nobody(maps):
    (people,) = estimator(Says(maps[0] * torch.nan, maps[1]))([np.zeros((*SIZE, 3), np.uint8)], [None])
    assert (len(people), people.finite) == (0, False)
