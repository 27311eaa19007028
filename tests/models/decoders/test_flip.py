"""The flip test against the published ones."""

import zlib
from pathlib import Path

import numpy as np
import pytest
import torch

from posebeam.models.decoders.flip import averaged_joints, averaged_maps, unflipped_joints, unflipped_maps
from posebeam.transforms.skeleton import skeleton

COCO = skeleton("coco17")
SHAPE = (2, 17, 64, 48)


def made(key: str) -> torch.Tensor:
    stream = np.random.Generator(np.random.PCG64(zlib.crc32(f"0/{key}".encode())))
    return torch.from_numpy(stream.standard_normal(SHAPE).astype(np.float32))


@pytest.mark.parametrize(("family", "shift"), [("H", True), ("T", False)])
def test_means_equal_the_published_ones(family, shift):
    mean = averaged_maps(made("flip/straight"), made("flip/mirrored"), COCO, shift).flatten().numpy()
    with np.load(Path(__file__).parents[1] / "golden" / "flip.npz") as file:
        assert mean[::150] == pytest.approx(file[f"{family}/mean"], abs=1e-6)  # every 25th, of these every 6th


def test_maps_turned_twice_are_as_before():
    maps = made("flip/straight")
    assert torch.equal(unflipped_maps(unflipped_maps(maps, COCO, False), COCO, False), maps)


def test_a_left_wrist_in_the_mirror_is_a_right_one():
    maps = torch.zeros(1, 17, 8, 6)
    maps[0, COCO.index("left_wrist"), 3, 1] = 1
    assert unflipped_maps(maps, COCO, False)[0, COCO.index("right_wrist"), 3, 4] == 1
    assert unflipped_maps(maps, COCO, True)[0, COCO.index("right_wrist"), 3, 5] == 1


def test_the_first_column_stays_when_shifted():
    maps = torch.arange(6.0).expand(1, 17, 2, 6)
    assert unflipped_maps(maps, COCO, True)[0, 0, 0].tolist() == [5, 5, 4, 3, 2, 1]


def test_joints_in_the_mirror():
    joints = torch.rand(3, 17, 3, generator=torch.Generator().manual_seed(0))
    back = unflipped_joints(joints, COCO)
    left, right = COCO.index("left_knee"), COCO.index("right_knee")
    assert back[:, left, 0].tolist() == pytest.approx((1 - joints[:, right, 0]).tolist())
    assert torch.equal(back[:, left, 1:], joints[:, right, 1:])
    assert averaged_joints(joints, unflipped_joints(joints, COCO), COCO).numpy() == pytest.approx(joints.numpy())
