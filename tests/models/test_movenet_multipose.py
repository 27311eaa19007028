"""MoveNet MultiPose against outputs of its published graph, its decoder, and what it says of several people."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from posebeam.models import registry
from posebeam.models.checkpoint import load
from posebeam.models.decoders.movenet_multipose import COUNTED, PEOPLE, REACH, decode
from posebeam.models.movenet_multipose import SURE, around, distinct, input_size
from posebeam.models.networks.movenet import BoxHeads
from posebeam.models.weights import locate
from posebeam.transforms.assign import sigmas
from posebeam.transforms.people import People
from posebeam.transforms.skeleton import skeleton

NAME, K, STEP = "movenet-multipose", 17, 211


@pytest.fixture(scope="module")
def golden() -> dict[str, np.ndarray]:
    """What the published graph makes of the crowd and of a pattern, both [192, 256, 3].

    Made by @tensorflow/tfjs-converter 4.22 on tfjs-backend-cpu from the published tfjs files. out is in full
    [2, 6, 56]; each field of BoxHeads holds every 211th value of its [2, C, 48, 64].
    """
    with np.load(Path(__file__).parent / "golden" / "movenet_multipose.npz") as file:
        return dict(file)


@pytest.fixture(scope="module")
def crowd(person) -> np.ndarray:
    """One person three times, uint8 [192, 256, 3]: large on the left, small and mirrored, too small to be sure."""
    frame = np.zeros((192, 256, 3), np.uint8)
    frame[:, :144] = person[:, 24:168]
    frame[8:104, 152:248] = person[::2, ::2][:, ::-1]
    frame[120:184, 176:240] = person[::3, ::3]
    return frame


@pytest.fixture(scope="module")
def computed(crowd) -> BoxHeads:
    """What the network with its published weights makes of the goldens' two inputs."""
    y, x, c = np.ogrid[:192, :256, :3]
    pattern = ((x * x * 3 + y * (7 + c * 5) + (x * y) // 9) % 256).astype(np.uint8)
    network = registry.build_network(NAME)
    load(network, locate(NAME, registry.row(NAME).weights))
    with torch.inference_mode():
        return network(torch.from_numpy(np.stack([crowd, pattern])).permute(0, 3, 1, 2).float())


@pytest.fixture(scope="module")
def estimator():
    return registry.load_estimator(NAME, device="cpu")


def see(estimator, *frames: np.ndarray) -> list[People]:
    return estimator(frames, [None] * len(frames))


@pytest.mark.parametrize("field", BoxHeads._fields)
def test_raw_maps_agree_with_the_published_graph(field, computed, golden):
    ours = getattr(computed, field).contiguous().numpy().reshape(-1)[::STEP]
    error = np.abs(ours - golden[field]).max() / np.abs(golden[field]).max()
    print(f"{field}: {error:.1e} of the range")
    assert error < 1e-5


def test_people_agree_with_the_published_graph(computed, golden):
    ours, theirs = decode(computed).numpy(), golden["out"]
    known = theirs[:, :, -1] > 0.01
    assert known.sum(1).tolist() == [6, 0]
    error = np.abs(ours - theirs)[known].max()
    print(f"joints, boxes, scores of {known.sum()} people: {error:.1e}")
    assert error < 1e-5
    assert (ours[~known][:, -1] < 0.011).all()


def heads(h: int, w: int, joints: int = K) -> BoxHeads:
    """Maps without a person; box_scale makes every box as large as the map."""
    maps = BoxHeads(*(torch.zeros(1, channels, h, w) for channels in (1, joints, 2 * joints, 2 * joints, 2, 2)))
    maps.center.fill_(-20)
    maps.heatmap.fill_(-20)
    maps.box_scale.fill_(2.0 * max(h, w))
    return maps


def test_decoder_finds_two_people_who_were_hidden():
    """Persons in cells (5, 4) and (9, 20), joint k of each k % 4 cells below and k // 4 to the left of them."""
    h, w, k = 16, 32, torch.arange(K)
    maps = heads(h, w)
    for y, x, sure in ((5, 4, 1.0), (9, 20, 3.0)):
        maps.center[0, 0, y, x] = sure
        maps.box_scale[0, :, y, x] = torch.tensor([9.0, 12.0])
        maps.box_offset[0, :, y, x] = torch.tensor([1.5, -0.5])
        maps.regress[0, :, y, x] = torch.stack((k % 4, -(k // 4)), -1).flatten()
        maps.heatmap[0, k, y + k % 4, x - k // 4] = 2
    maps.offset[0, ::2], maps.offset[0, 1::2] = 0.25, 0.5
    out = decode(maps)[0]
    assert (out[2:, -1] < 1e-6).all()
    joint, center = torch.tensor(2.0).sigmoid(), torch.tensor([3.0, 1.0]).sigmoid()
    for person, (y, x) in zip(out, ((9, 20), (5, 4)), strict=False):
        where = torch.stack(((y + k % 4 + 0.25) / h, (x - k // 4 + 0.5) / w, joint.expand(K)), -1)
        torch.testing.assert_close(person[: 3 * K].view(K, 3), where)
        top, left = y + 1.5 - 4.5, x - 0.5 - 6
        box = torch.tensor([top / h, left / w, (top + 9) / h, (left + 12) / w]).clamp(0, 1)
        torch.testing.assert_close(person[3 * K : -1], box)
    torch.testing.assert_close(out[:2, -1], center * joint)


def test_a_joint_lies_in_its_persons_box():
    maps = heads(16, 16, joints=1)
    maps.center[0, 0, 4, 4] = 3
    maps.box_scale[0, :, 4, 4] = 4.0  # rows and columns 2 to 5
    maps.heatmap[0, 0, 4, 6] = 9.0
    maps.heatmap[0, 0, 5, 5] = -1.0
    out = decode(maps)[0, 0]
    assert out[:2].tolist() == [5 / 16, 5 / 16]
    bell = torch.exp(torch.tensor(-2.0 / (REACH * 16)))  # two cells squared from where the joint should be
    torch.testing.assert_close(out[2], torch.tensor(-1.0).sigmoid() * bell)


def test_only_joints_that_are_seen_count_for_the_score():
    maps = heads(16, 16, joints=3)
    maps.center[0, 0, 4, 4] = 3
    for joint, p in enumerate((0.9, 0.5, COUNTED - 0.01)):
        maps.heatmap[0, joint, 4, 4] = torch.tensor(p).logit()
    sure = decode(maps)[0, 0, -1]
    torch.testing.assert_close(sure, torch.tensor(3.0).sigmoid() * 0.7)


@pytest.mark.parametrize(("apart", "people"), [(2, 1), (3, 2)])
def test_middles_nearer_than_three_cells_are_one_person(apart, people):
    maps = heads(16, 16)
    maps.center[0, 0, 8, 5], maps.center[0, 0, 8, 5 + apart] = 3, 2
    maps.heatmap.fill_(2)
    assert (decode(maps)[0, :, -1] > 0.01).sum() == people
    assert decode(maps).shape == (1, PEOPLE, 3 * K + 5)


@pytest.mark.parametrize(
    ("frame", "size"),
    [((240, 320), (192, 256)), ((320, 240), (256, 192)), ((720, 1280), (160, 256)), ((100, 100), (256, 256)),
     ((30, 2000), (32, 256))],
)  # fmt: skip
def test_what_is_seen_keeps_the_frames_proportions(frame, size):
    assert input_size(frame, 256) == size
    x0, y0, x1, y1 = around(frame, size)
    assert (x1 - x0) / size[1] == pytest.approx((y1 - y0) / size[0]) == pytest.approx(max(frame) / 256)
    assert x0 == pytest.approx(frame[1] - x1)
    assert y0 == pytest.approx(frame[0] - y1)
    assert x0 <= 1e-9
    assert y0 <= 0.5 * max(frame) / 256  # half an input pixel of rounding


def test_everybody_is_seen_in_source_pixels(estimator, crowd):
    """The noses of the two larger pictures, in frames of three shapes."""
    larger = cv2.resize(crowd, (512, 384), interpolation=cv2.INTER_LINEAR)
    wide = np.zeros((192, 288, 3), np.uint8)
    wide[:, 20:276] = crowd
    for people, scale, corner in zip(see(estimator, crowd, larger, wide), (1, 2, 1), (0, 0, (20, 0)), strict=True):
        noses, boxes = people.xy[:2, 0], people.boxes[:2]
        assert np.abs((noses - corner) / scale - ((60, 45), (207, 31))).max() < 5
        assert (people.score[:2, 0] > 0.3).all()
        assert ((noses > boxes[:, :2]) & (noses < boxes[:, 2:])).all()


def test_who_is_seen_surest_comes_first_and_nobody_below_the_threshold(estimator, crowd, golden):
    sure = golden["out"][0, :, -1]
    people = see(estimator, crowd)[0]
    assert len(people) == (sure >= SURE).sum() < (sure > 0.1).sum()
    assert people.boxes[0, 2] < people.boxes[1, 0]


def test_a_frame_does_not_depend_on_frames_of_another_shape(estimator, crowd):
    tall = np.ascontiguousarray(crowd.swapaxes(0, 1))
    alone_of_its_shape, one_of_three = (
        see(estimator, crowd, tall)[0],
        see(estimator, tall, tall, crowd, crowd, crowd)[3],
    )
    assert np.array_equal(alone_of_its_shape.xy, one_of_three.xy)
    assert np.array_equal(alone_of_its_shape.score, one_of_three.score)
    assert np.array_equal(alone_of_its_shape.boxes, one_of_three.boxes)


def test_a_person_seen_twice_is_one():
    """The second of three stands on the first; the third shares two joints with it and no more."""
    rng, k = np.random.default_rng(0), 2 * sigmas(skeleton("coco17"))
    first = rng.uniform(0, 100, (K, 2)).astype(np.float32)
    third = rng.uniform(300, 400, (K, 2)).astype(np.float32)
    third[:2] = first[:2]
    xy, seen = np.stack([first, first + 1, third]), np.ones((3, K), bool)
    boxes = np.concatenate((xy.min(1), xy.max(1)), 1)
    assert distinct(xy, seen, boxes, k) == [0, 2]
    seen[0, 8:], seen[2, 2:8] = False, False
    assert distinct(xy, seen, boxes, k) == [0, 2]
    assert distinct(xy[:0], seen[:0], boxes[:0], k) == []


@pytest.mark.parametrize(
    ("video", "people"),
    [("v_SalsaSpin_g03_c01.mp4", 4), ("v_Fencing_g01_c06.mp4", 2), ("v_TaiChi_g01_c02.avi", 1)],
)
def test_how_many_people_there_are_in_videos_in_the_wild(video, people, foreign_data, estimator):
    path = foreign_data / "videos_in_the_wild" / video
    if not path.is_file():
        pytest.skip(f"no {path}")
    capture = cv2.VideoCapture(str(path))
    frames = [np.ascontiguousarray(capture.read()[1][..., ::-1]) for _ in range(21)]
    assert len(see(estimator, frames[20])[0]) == people
