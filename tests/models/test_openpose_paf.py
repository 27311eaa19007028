"""Several people from part affinity fields: people that were painted into maps are found again."""

from dataclasses import replace
from functools import partial

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from posebeam.models import registry
from posebeam.models.decoders.limbs import find_links
from posebeam.models.decoders.paf import LIMBS, PARTS, Paf, find_peaks, longer, paf, reached, sample
from posebeam.transforms.errors import ConfigError
from posebeam.transforms.skeleton import skeleton

OPENPOSE = skeleton("openpose19")
SIDE = 46
# Somebody seen from the front, 20 cells high, neck at (0, 0).
BODY = {
    "nose": (0, -2), "neck": (0, 0), "right_shoulder": (-2, 0), "right_elbow": (-3, 3), "right_wrist": (-3.5, 6),
    "left_shoulder": (2, 0), "left_elbow": (3, 3), "left_wrist": (3.5, 6), "right_hip": (-1.5, 7),
    "right_knee": (-1.5, 11), "right_ankle": (-1.5, 15), "left_hip": (1.5, 7), "left_knee": (1.5, 11),
    "left_ankle": (1.5, 15), "right_eye": (-1.2, -3), "left_eye": (1.2, -3), "right_ear": (-3, -2.6),
    "left_ear": (3, -2.6),
}  # fmt: skip


def somebody(x: float, y: float) -> np.ndarray:
    """The body [18, 2] with its neck there."""
    return np.array([BODY[joint] for joint in OPENPOSE.joints[:PARTS]]) + np.array((x, y))


def painted(people: np.ndarray, heat: float = 0.9) -> np.ndarray:
    """Maps [57, 46, 46] of people [P, 18, 2] in cells: a Gaussian a joint, a strip of unit vectors a limb."""
    maps = np.zeros((57, SIDE, SIDE), np.float32)
    cells = np.stack(np.meshgrid(np.arange(SIDE), np.arange(SIDE)), -1).astype(float)  # [h, w, 2]: x, y
    for person in people:
        for k, joint in enumerate(person):
            spot = heat * np.exp(-((cells - joint) ** 2).sum(-1) / 2)
            maps[k] = np.maximum(maps[k], spot)
        for limb, ends in enumerate(LIMBS):
            a, b = (person[OPENPOSE.index(end)] for end in ends)
            unit = (b - a) / np.linalg.norm(b - a)
            along, across = (cells - a) @ unit, (cells - a) @ (unit[1], -unit[0])
            strip = (along > -1) & (along < np.linalg.norm(b - a) + 1) & (np.abs(across) < 1)
            maps[19 + 2 * limb : 21 + 2 * limb, strip] = unit[:, None]
    maps[18] = 1 - maps[:18].max(0)
    return maps


def cells_of(xy: np.ndarray) -> np.ndarray:
    """Fractions of the picture to cells from the middle of the first."""
    return xy[:, :PARTS] * SIDE - 0.5


@pytest.fixture(scope="module")
def estimator():
    return registry.load_estimator("openpose-thin", device="cpu", decode="paf")


@given(st.lists(st.integers(0, 3), max_size=4, unique=True), st.floats(-0.5, 0.5), st.floats(-0.5, 0.5))
def test_painted_people_are_found_where_they_are(places, dx, dy):
    truth = np.array([somebody(6 + 11 * place + dx, 8 + 5 * place + dy) for place in places]).reshape(-1, PARTS, 2)
    xy, score = paf.people(painted(truth), min_score=0.2)
    assert xy.shape == (len(places), 19, 2)
    assert score.shape == (len(places), 19)
    for person in truth:
        away = np.linalg.norm(cells_of(xy) - person, axis=-1).max(1)
        assert away.min() < 0.1
    assert (score[:, :PARTS] > 0.6).all()
    assert (score[:, PARTS] == 0).all()
    assert (xy[:, PARTS] == 0).all()


@given(st.integers(0, 2**32 - 1), st.sampled_from((0.1, 0.3, 1.0, 3.0)))
def test_what_is_not_looked_at_could_join_nothing(seed, height):
    """Fields without any order: most pairs fail at some of their samples only."""
    rng = np.random.default_rng(seed)
    maps = height * cv2.GaussianBlur(rng.standard_normal((20, 30, 57)), (0, 0), 1.5).transpose(2, 0, 1)
    peaks = find_peaks(maps[:PARTS].astype(np.float32), 0.05, 40)
    fields = np.ascontiguousarray(maps[19:].reshape(19, 2, 20, 30).transpose(0, 2, 3, 1), np.float32)
    look, reaches = partial(sample, fields), partial(reached, longer(fields, 0.05))
    slowly, quickly = (find_links(peaks, look, 20, 10, 0.05, 0.8, each) for each in (None, reaches))
    for name in ("limb", "start", "end", "score"):
        np.testing.assert_array_equal(getattr(quickly, name), getattr(slowly, name))


def test_arms_that_cross_stay_with_their_owners():
    """Two people face to face with each one's wrist behind the other's elbow."""
    left, right = somebody(14, 10), somebody(24, 10)
    arm = OPENPOSE.indices(("left_elbow", "left_wrist"))
    left[arm] = (19, 12), (24, 14)
    arm = OPENPOSE.indices(("right_elbow", "right_wrist"))
    right[arm] = (19.5, 15), (14.5, 16)
    xy, _ = paf.people(painted(np.stack((left, right))), min_score=0.2)
    assert len(xy) == 2
    for person in (left, right):
        assert np.linalg.norm(cells_of(xy) - person, axis=-1).max(1).min() < 0.3


def test_the_surest_comes_first_and_one_without_a_seen_joint_is_left_out():
    pale, strong = somebody(10, 10), somebody(30, 10)
    maps = painted(np.stack((pale, strong)))
    maps[:18, :, :20] /= 3
    xy, score = paf.people(maps, min_score=0.2)
    neck = OPENPOSE.index("neck")
    assert score[:, neck].tolist() == pytest.approx([0.9, 0.3], abs=1e-6)
    assert cells_of(xy)[:, neck, 0] == pytest.approx([30, 10], abs=0.1)
    assert len(paf.people(maps, min_score=0.5)[0]) == 1


def test_joints_without_a_field_between_them_are_nobody():
    maps = painted(somebody(20, 12)[None])
    maps[19:] = 0
    assert len(paf.people(maps, min_score=0.2)[0]) == 0
    maps[19:] = -painted(somebody(20, 12)[None])[19:]  # the field says the other way
    assert len(paf.people(maps, min_score=0.2)[0]) == 0


def test_somebody_half_hidden_keeps_the_joints_that_are_seen():
    maps = painted(somebody(20, 12)[None])
    hidden = OPENPOSE.indices(("left_knee", "left_ankle", "right_knee", "right_ankle"))
    maps[hidden] = 0
    xy, score = paf.people(maps, min_score=0.2)
    assert len(xy) == 1
    assert (score[0, hidden] == 0).all()
    assert (xy[0, hidden] == 0).all()
    assert (score[0] > 0).sum() == PARTS - len(hidden)


def test_too_few_joints_are_nobody():
    maps = painted(somebody(20, 12)[None])
    maps[3:18] = 0  # nose, neck and right shoulder are left
    assert len(paf.people(maps, min_score=0.2)[0]) == 0
    assert len(replace(paf, joints=3).people(maps, min_score=0.2)[0]) == 1


def test_a_plateau_is_one_peak():
    heats = np.zeros((1, 9, 9), np.float32)
    heats[0, 3:5, 3:6] = 0.5
    peaks = find_peaks(heats, 0.1, 40)
    assert len(peaks.score) == 1
    assert ((peaks.xy[0] >= 2.5) & (peaks.xy[0] <= 5.5)).all()


def test_peaks_at_the_edge_and_the_highest_of_many():
    heats = np.zeros((2, 20, 20), np.float32)
    heats[0, 0, 0], heats[0, 19, 19] = 0.5, 0.25
    heats[1, ::2, ::2] = np.linspace(0.2, 0.9, 100).reshape(10, 10)
    peaks = find_peaks(heats, 0.1, 5)
    assert peaks.xy[peaks.joint == 0].round().tolist() == [[0, 0], [19, 19]]
    assert sorted(peaks.score[peaks.joint == 1]) == pytest.approx(np.linspace(0.2, 0.9, 100)[-5:], abs=1e-6)


def test_what_is_looked_at_is_bounded_even_in_noise():
    noise = np.random.default_rng(0).uniform(-1, 1, (57, SIDE, SIDE)).astype(np.float32)
    assert np.bincount(find_peaks(noise[:PARTS], 0.1, 10).joint).tolist() == [10] * PARTS
    assert len(Paf(most=10).people(noise, min_score=0.2)[0]) <= 10 * PARTS / Paf.joints


def test_two_in_one_picture_are_two_and_each_has_a_box(estimator, person):
    side_by_side = np.concatenate((person, person[:, ::-1]), 1)
    one, two = estimator(
        [cv2.resize(person, (384, 384)), np.pad(side_by_side, ((96, 96), (0, 0), (0, 0)))], [None] * 2
    )
    assert (len(one), len(two)) == (1, 2)
    assert estimator.several
    for people in (one, two):
        for xy, score, box in zip(people.xy, people.score, people.boxes, strict=True):
            seen = xy[score >= estimator.min_score]
            assert box.tolist() == [*seen.min(0), *seen.max(0)]
    middle = (two.boxes[:, 0] + two.boxes[:, 2]) / 2
    assert middle.min() < 192 < middle.max()


def test_a_mirrored_person_is_seen_mirrored(estimator, person):
    people, mirrored = estimator([person, np.ascontiguousarray(person[:, ::-1])], [None, None])
    seen = people.score[0] >= 0.3
    assert seen.sum() >= 5
    turned = mirrored.xy[0, OPENPOSE.mirror] * (-1, 1) + (person.shape[1], 0)
    assert np.median(np.linalg.norm(turned - people.xy[0], axis=-1)[seen]) < 0.02 * person.shape[1]


def test_a_way_of_decoding_is_chosen_by_name():
    assert not registry.load_estimator("openpose-thin", device="cpu").several
    assert not registry.load_estimator("openpose-thin", device="cpu", decode="argmax").several
    with pytest.raises(ConfigError, match="argmax, paf"):
        registry.load_estimator("openpose-thin", device="cpu", decode="best")
    with pytest.raises(ConfigError, match="movenet-lightning cannot decode by 'paf'"):
        registry.load_estimator("movenet-lightning", device="cpu", decode="paf")


def test_it_sees_whom_thunder_sees(estimator, foreign_data):
    """A clear single person: joints within a fifth of the torso of MoveNet Thunder's, sides included."""
    capture = cv2.VideoCapture(str(foreign_data / "video_with_keypoints" / "pose_1.mp4"))
    frame = np.ascontiguousarray(capture.read()[1][..., ::-1])
    thunder = registry.load_estimator("movenet-thunder", device="cpu")
    (theirs,), (ours,) = thunder([frame], [None]), estimator([frame], [None])
    (theirs,) = thunder([frame], [thunder.next_hint(theirs, frame.shape[:2])])
    columns = OPENPOSE.indices(thunder.skeleton.joints)
    both = (theirs.score[0] >= 0.3) & (ours.score[0, columns] >= estimator.min_score)
    assert both.sum() >= 12
    torso = np.linalg.norm(theirs.xy[0, 5:7].mean(0) - theirs.xy[0, 11:13].mean(0))
    away = np.linalg.norm(ours.xy[0, columns] - theirs.xy[0], axis=-1)[both]
    assert np.median(away) < 0.2 * torso
    swapped = np.linalg.norm(ours.xy[0, columns][list(thunder.skeleton.mirror)] - theirs.xy[0], axis=-1)[both]
    assert np.median(swapped) > 0.3 * torso
