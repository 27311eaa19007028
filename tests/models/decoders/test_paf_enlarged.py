"""OpenPose's published decoder for its body network: equal to the published one, and its bounds."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from posebeam.models.decoders.limbs import LIMBS, PARTS, SKELETON
from posebeam.models.decoders.paf_enlarged import ORDER, enlarging, paf_enlarged, shown, tops

SIZE = (368, 500)  # of the picture


@pytest.fixture(scope="module")
def golden():
    """Made by pytorch-openpose of a network's outputs (in thousandths) for four people in a picture."""
    with np.load(Path(__file__).parents[1] / "golden" / "paf_enlarged.npz") as file:
        return dict(file)


@pytest.fixture(scope="module")
def maps(golden):
    """[57, 23, 32]: heat maps, then fields."""
    return torch.from_numpy(np.concatenate((golden["maps"], golden["fields"])).astype(np.float32) / 1000)


def test_peaks_equal_the_published_ones(golden, maps):
    peaks, _ = paf_enlarged.found(maps, SIZE)
    assert (peaks.xy == golden["candidate"][:, :2]).all()
    assert peaks.score == pytest.approx(golden["candidate"][:, 2], abs=1e-6)


def test_people_equal_the_published_ones(golden, maps):
    _, people = paf_enlarged.found(maps, SIZE)
    kept = [person for person in people if person.parts >= 4 and person.total >= 0.4 * person.parts]
    ours = [
        [*(person.peaks.get(joint, -1) for joint in range(PARTS)), person.total, person.parts] for person in kept
    ]
    assert np.array(ours) == pytest.approx(golden["subset"], abs=1e-5)
    assert len(people) > len(kept)


def test_people_in_pixels_surest_first(golden, maps):
    xy, score = paf_enlarged.people(maps, SIZE, min_score=0.1)
    best = golden["subset"][golden["subset"][:, 18].argmax()]
    seen = best[:PARTS] >= 0
    assert xy.shape == (4, PARTS, 2)
    assert xy[0][seen] == pytest.approx(golden["candidate"][best[:PARTS][seen].astype(int), :2])
    assert ((score[0] > 0) == seen).all()
    assert (xy[0][~seen] == 0).all()
    assert (score <= 1).all()
    assert len(paf_enlarged.people(maps, SIZE, min_score=2)[0]) == 0


@pytest.mark.parametrize("size", [(368, 500), (91, 130), (720, 405)])
def test_maps_are_enlarged_as_opencv_does(size):
    (h, w), used = (23, -(-shown(size)[1] // 8)), shown(size)
    cells = np.random.default_rng(0).normal(size=(h, w)).astype(np.float32)
    ours = enlarging(h, used[0], size[0]) @ cells @ enlarging(w, used[1], size[1]).T
    once = cv2.resize(cells, None, fx=8, fy=8, interpolation=cv2.INTER_CUBIC)[: used[0], : used[1]]
    assert ours == pytest.approx(cv2.resize(once, size[::-1], interpolation=cv2.INTER_CUBIC), abs=1e-4)


def test_no_peak_is_missed_where_nothing_can_be(maps):
    """Peaks are sought only where the map can be high; all over the picture there are no others."""
    peaks, _ = paf_enlarged.found(maps, SIZE)
    for joint in range(PARTS):
        rows, columns = enlarging(23, 184, SIZE[0]), enlarging(32, 250, SIZE[1])
        whole = gaussian_filter(rows @ maps[joint].double().numpy() @ columns.T, 3)
        row, column = tops(torch.from_numpy(whole), 0.1)
        assert peaks.xy[peaks.joint == joint].tolist() == np.stack((column, row), 1).tolist()


def test_the_network_is_shown_184_rows():
    assert [shown(size) for size in ((368, 500), (184, 100), (1080, 1920))] == [(184, 250), (184, 100), (184, 327)]


def test_limbs_go_outwards_and_the_spare_ones_come_last():
    """Every joint but the neck is reached once before the ears are joined to the shoulders."""
    reached = {"neck"}
    for start, end in [LIMBS[number] for number in ORDER[:-2]]:
        assert start in reached
        assert end not in reached
        reached.add(end)
    assert reached == set(SKELETON.joints[:PARTS])
    assert {LIMBS[number] for number in ORDER[-2:]} == {
        ("right_shoulder", "right_ear"), ("left_shoulder", "left_ear")
    }  # fmt: skip


def test_nothing_is_nobody():
    assert paf_enlarged.people(torch.zeros(57, 23, 32), SIZE, 0.1)[0].shape == (0, PARTS, 2)


def test_noise_is_bounded():
    noise = torch.rand(57, 23, 32, generator=torch.Generator().manual_seed(0))
    peaks, _ = replace(paf_enlarged, most=5).found(noise, SIZE)
    assert np.bincount(peaks.joint).tolist() == [5] * PARTS
