"""OpenPose thin against its published graph in another runtime, and the published decoder."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from posebeam.models import registry
from posebeam.models.checkpoint import load
from posebeam.models.decoders.openpose import argmax
from posebeam.models.weights import locate
from posebeam.transforms.skeleton import skeleton
from posebeam.transforms.track import PoseTrack
from posebeam.transforms.windows import Windower, WindowRule

OPENPOSE = skeleton("openpose19")
GOLDEN = Path(__file__).parent / "golden" / "openpose.npz"


@pytest.fixture(scope="module")
def network():
    network = registry.build_network("openpose-thin")
    load(network, locate("openpose-thin", registry.row("openpose-thin").weights))
    return network


@pytest.fixture(scope="module")
def estimator():
    return registry.load_estimator("openpose-thin", device="cpu")


def tensor(picture: np.ndarray) -> torch.Tensor:
    """uint8 [H, W, 3] to float [1, 3, H, W]."""
    return torch.from_numpy(np.ascontiguousarray(picture)).permute(2, 0, 1)[None].float()


def test_maps_agree_with_what_opencv_made_of_the_published_graph(network, person):
    """golden/openpose.npz: every 11th value of maps [2, 57, 24, 24] by cv2.dnn 5.0, of a person and a pattern."""
    y, x, c = np.ogrid[:192, :192, :3]
    pattern = ((x * x * 3 + y * (7 + c * 5) + (x * y) // 9) % 256).astype(np.uint8)
    with torch.inference_mode():
        ours = torch.cat([network(tensor(each)) for each in (person, pattern)]).numpy().reshape(-1)[::11]
    with np.load(GOLDEN) as file:
        theirs = file["maps"]
    error = np.abs(ours - theirs).max() / np.abs(theirs).max()
    print(f"maps: {error:.1e} of the range")
    assert error < 1e-5


@pytest.mark.parametrize("size", [(368, 368), (200, 344)])
def test_maps_agree_with_the_published_graph_in_opencv(network, openpose_graph, person, size):
    picture = cv2.resize(person, size[::-1])
    reader = cv2.dnn.readNetFromTensorflow(str(openpose_graph))
    reader.setInput(cv2.dnn.blobFromImage(picture, 1.0, size[::-1], (127.5,) * 3, swapRB=False, crop=False))
    theirs = reader.forward()
    with torch.inference_mode():
        ours = network(tensor(picture)).numpy()
    assert np.abs(ours - theirs).max() < 1e-5 * np.abs(theirs).max()


def test_argmax_takes_the_highest_cell_of_each_map():
    maps = torch.zeros(1, 57, 8, 12)
    for k in range(19):
        maps[0, k, k // 4, k % 8] = 0.5
        maps[0, k, 7, 11] = 0.25
    k = np.arange(19)
    expected = np.stack((k % 8 / 12, k // 4 / 8, np.full(19, 0.5)), -1)
    np.testing.assert_allclose(argmax(maps)[0].numpy(), expected, atol=1e-7)


def test_argmax_puts_a_missing_joint_at_the_corner_with_score_0_so_that_no_lower_threshold_finds_it_there():
    joints = np.full((19, 3), 0.5, np.float32)
    joints[4, 2] = 0.125
    xy, score = argmax.people(joints, min_score=0.2)
    assert xy.shape == (1, 19, 2)
    assert xy[0, 4].tolist() == [0, 0]
    assert score[0, 4] == 0
    assert (np.delete(xy[0], 4, 0) == 0.5).all()


def test_argmax_sees_nobody_in_the_background():
    joints = np.zeros((19, 3), np.float32)
    joints[OPENPOSE.index("background")] = 1
    xy, score = argmax.people(joints, min_score=0.2)
    assert (xy.shape, score.shape) == ((0, 19, 2), (0, 19))


def published(frame: np.ndarray, reader: cv2.dnn.Net, threshold: float = 0.2) -> np.ndarray:
    """[19, 2]: the OpenCV sample's path from an RGB frame [H, W, 3] to points, (0, 0) where it has none."""
    h, w = frame.shape[:2]
    reader.setInput(cv2.dnn.blobFromImage(frame, 1.0, (368, 368), (127.5,) * 3, swapRB=False, crop=False))
    points = np.zeros((19, 2))
    for k, heat in enumerate(reader.forward()[0, :19]):
        _, score, _, (x, y) = cv2.minMaxLoc(heat)
        points[k] = (w * x / 46, h * y / 46) if score > threshold else 0
    return points


def test_argmax_is_the_published_path_from_frame_to_joints(estimator, openpose_graph, person):
    reader = cv2.dnn.readNetFromTensorflow(str(openpose_graph))
    wide = np.zeros((240, 320, 3), np.uint8)
    wide[40:232, 60:252] = person
    for frame, people in zip((person, wide), estimator([person, wide], [None, None]), strict=True):
        np.testing.assert_allclose(people.xy[0], published(frame, reader), atol=1e-4)


def test_boxes_hold_the_seen_joints_and_not_the_background(estimator, person):
    (people,) = estimator([person], [None])
    seen = people.score[0] >= estimator.min_score
    seen[OPENPOSE.index("background")] = False
    xy = people.xy[0, seen]
    assert people.boxes[0].tolist() == [*xy.min(0), *xy.max(0)]
    assert not estimator.several


def test_not_finite_maps_are_nobody(person):
    estimator = registry.load_estimator("openpose-thin", device="cpu")
    with torch.no_grad():
        estimator.network.network.stages[5].heats[8].pointwise.bias[3] = torch.nan
    (people,) = estimator([person], [None])
    assert len(people) == 0
    assert not people.finite


def test_its_joints_make_the_windows_that_the_same_joints_of_coco17_make(estimator, person):
    """19 -> 17 -> 13 -> 52: names lead from one skeleton to the other, the background is left out."""
    coco = skeleton("coco17")
    frames = [np.roll(person, 8 * i, axis=1) for i in range(6)]
    poses = [each for each in estimator(frames, [None] * 6) if len(each)]
    assert len(poses) == 6
    windows = []
    for name, columns in (("openpose19", slice(None)), ("coco17", OPENPOSE.indices(coco.joints))):
        xy = np.concatenate([pose.xy for pose in poses] * 5)[:, columns]
        score = np.concatenate([pose.score for pose in poses] * 5)[:, columns]
        windower = Windower(WindowRule(min_score=estimator.min_score))
        track = PoseTrack("clip", 0, name, np.arange(30, dtype=np.int32), xy, score)
        windows.append([*windower.push(track), *windower.finish()])
    (ours,), (theirs,) = windows
    assert ours.x.shape == (30, 52)
    assert np.array_equal(ours.x, theirs.x)
    assert np.array_equal(ours.valid, theirs.valid)
    assert ours.valid.any()
