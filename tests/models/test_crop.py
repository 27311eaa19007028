"""Crops against a sampler written out pixel by pixel, and against OpenCV."""

import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from posebeam.models.crop import box_matrix, crop
from posebeam.transforms.framing import FRAMINGS, from_edges, inverse

CPU = torch.device("cpu")
RNG = np.random.default_rng(0)


def noise(height: int, width: int) -> np.ndarray:
    return RNG.integers(0, 256, (height, width, 3), dtype=np.uint8)


def pixel(frame: np.ndarray, x: float, y: float) -> np.ndarray:
    """Bilinear at a point, where pixel i covers i to i + 1; black outside."""
    x, y = x - 0.5, y - 0.5
    total = np.zeros(3)
    for j in (int(np.floor(y)), int(np.floor(y)) + 1):
        for i in (int(np.floor(x)), int(np.floor(x)) + 1):
            if 0 <= i < frame.shape[1] and 0 <= j < frame.shape[0]:
                total += frame[j, i] * (1 - abs(x - i)) * (1 - abs(y - j))
    return total


def test_crops_of_mixed_sizes_agree_with_the_sampler():
    frames = [noise(24, 32), noise(40, 18), noise(24, 32), noise(7, 9)]
    boxes = [(3, 2, 19, 18), (-5, -3, 22, 41), (0, 0, 32, 24), (2.5, 1.25, 6, 8)]
    maps = np.stack([box_matrix(box, (12, 10)) for box in boxes])
    got = crop(frames, maps, (12, 10), CPU)
    assert got.shape == (4, 3, 12, 10)
    for frame, (x0, y0, x1, y1), ours in zip(frames, boxes, got, strict=True):
        for row, column in ((0, 0), (5, 4), (11, 9), (3, 8)):
            at = x0 + (column + 0.5) * (x1 - x0) / 10, y0 + (row + 0.5) * (y1 - y0) / 12
            assert ours[:, row, column].numpy() == pytest.approx(pixel(frame, *at), abs=0.01)


def test_a_turned_map_agrees_with_opencv():
    """OpenCV counts from the middle of the first pixel, we from its corner."""
    frame = cv2.GaussianBlur(noise(60, 80), (0, 0), 2)
    angle, zoom = np.deg2rad(30), 1.3
    linear = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) * zoom
    to_source = np.column_stack([linear, (12.0, -4.0)])
    inverse = to_source.copy()
    inverse[:, 2] += linear @ (0.5, 0.5) - 0.5
    theirs = cv2.warpAffine(frame, inverse, (48, 32), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
    ours = crop([frame], to_source[None], (32, 48), CPU)[0].permute(1, 2, 0).numpy()
    assert np.abs(ours - theirs).mean() < 0.5
    assert np.abs(ours - theirs).max() < 5  # OpenCV rounds to 1/32 of a pixel and to whole levels


def test_the_whole_frame_at_its_own_size_is_the_frame():
    frame = noise(20, 30)
    ours = crop([frame], box_matrix((0, 0, 30, 20), (20, 30))[None], (20, 30), CPU)[0]
    assert np.abs(ours.permute(1, 2, 0).numpy() - frame).max() < 0.01


def test_outside_of_the_frame_is_black():
    ours = crop([noise(20, 20) | 1], box_matrix((100, 100, 120, 120), (8, 8))[None], (8, 8), CPU)
    assert ours.abs().max() == 0


def test_nothing_is_lost_at_the_edges_of_what_a_map_looks_at():
    """A frame in a wide black border, looked at through any map, is the frame itself: within, across, outside."""
    frame, border = noise(30, 40), 100
    framed = np.pad(frame, ((border, border), (border, border), (0, 0)))
    maps = RNG.uniform(-1, 1, (200, 2, 3)) * (1.5, 1.5, 60) * RNG.choice([0.05, 0.5, 2], (200, 1, 1))
    ours = crop([frame] * 200, maps, (24, 16), CPU)
    assert ours.is_contiguous()
    whole = crop([framed] * 200, maps + np.array([0, 0, border]), (24, 16), CPU)
    assert (ours - whole).abs().max() < 0.02
    assert len({bool(image.any()) for image in ours}) == 2


def test_a_crop_does_not_depend_on_its_neighbours():
    frames = [noise(24, 32) for _ in range(5)]
    maps = np.stack([box_matrix((i, i, 20 + i, 20 + i), (16, 16)) for i in range(5)])
    together = crop(frames, maps, (16, 16), CPU)
    alone = torch.cat([crop([frame], maps[i : i + 1], (16, 16), CPU) for i, frame in enumerate(frames)])
    assert torch.equal(together, alone)


@pytest.mark.parametrize(("family", "framing"), [("H", FRAMINGS["edges"]), ("T", FRAMINGS["middles"])])
def test_crops_equal_the_published_ones(family, framing):
    """Of a picture of noise, made by HRNet's (H) and TransPose's (T) way with OpenCV 5; every 61st value."""
    stream = np.random.Generator(np.random.PCG64(zlib.crc32(b"0/picture")))
    picture = stream.integers(0, 256, (240, 320, 3), dtype=np.uint8)
    with np.load(Path(__file__).parent / "golden" / "crop.npz") as file:
        golden = dict(file)
    pieces = framing.pieces(golden["boxes"], (256, 192))
    maps = from_edges(framing.to_source(pieces, (256, 192), golden["rotation"]))
    ours = crop([picture] * 2, maps, (256, 192), CPU).permute(0, 2, 3, 1).reshape(2, -1)[:, ::61].numpy()
    theirs = np.stack([golden[f"{family}/pixels{number}"] for number in (3, 11)])
    assert np.abs(ours - theirs).max() < 0.51  # they are rounded


@pytest.mark.parametrize("framing", FRAMINGS.values(), ids=FRAMINGS)
def test_people_cropped_as_opencv_does(framing, media):
    picture = cv2.imread(str(media / "people.jpg"))
    H, W = picture.shape[:2]
    boxes = np.array([[0.3 * W, 0.2 * H, 0.3 * W, 0.6 * H], [-20, -10, W / 2, H / 2], [W / 2, H / 3, 40, 30]])
    maps = framing.to_source(framing.pieces(boxes, (256, 192)), (256, 192), np.array([0, 35, -110.0]))
    ours = crop([picture] * 3, from_edges(maps), (256, 192), CPU).permute(0, 2, 3, 1).numpy()
    theirs = [cv2.warpAffine(picture, each, (192, 256)) for each in inverse(maps)]
    away = np.abs(ours - np.stack(theirs))
    assert away.mean() < 0.3
    # OpenCV 4 rounds positions to 1/32 of a pixel.
    assert away.max() < (0.51 if int(cv2.__version__.split(".")[0]) >= 5 else 6)
