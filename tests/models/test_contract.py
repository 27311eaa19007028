"""What every backbone of the table owes the loop: to be in the table is to be tested."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch

from posebeam.models import registry
from posebeam.models.backbone import Backbone
from posebeam.models.detector import Detector

CPU = torch.device("cpu")
ESTIMATORS = [row.name for row in registry.rows() if row.view != "detector"]
DETECTORS = [row.name for row in registry.rows() if row.view == "detector"]
EMBEDDED = [row.name for row in registry.rows() if row.weights and row.weights.embedded]
DEAR = 4_000_000_000  # multiply-adds: of a family with such networks the cheapest stands for all but in the soak
# Whose size makes a frame minutes: the same network, smaller.
NUMBERS = {
    "prtr-sequential-r50": {"persons": 6, "joint_queries": 20, "layers": 1, "feedforward": 64, "depth": 50},
    "detr-r50": {"layers": 1},
}
# Where made-up weights are told that what they see is a person.
PERSON_BIAS = {
    "prtr-sequential-r50": "class_embed.bias",
    "detr-r50": "class_embed.bias",
    "detr-r101": "class_embed.bias",
    "fasterrcnn-resnet50": "roi_heads.box_predictor.cls_score.bias",
}
SIDES = {"prtr-sequential-r50": (128, 170), "detr-r50": (256, 340), "fasterrcnn-resnet50": (128, 170)}


def stands_for_its_family(row: registry.Row) -> bool:
    """Whether no row of the same network is cheaper."""
    return row.macs == min(each.macs for each in registry.rows() if each.network == row.network)


@cache
def people_finder() -> Detector:
    return registry.load_detector("movenet-multipose", device="cpu")


def made(name: str) -> tuple[registry.Row, torch.nn.Module]:
    """A row that keeps whatever its network says with made-up weights, and that network."""
    row = replace(registry.row(name), min_score=0.0, min_person=0.0)
    network = registry.build_network(name, **NUMBERS.get(name, {}))
    if name in PERSON_BIAS:
        with torch.no_grad():
            network.get_parameter(PERSON_BIAS[name])[1] += 5
    return replace(row, input=SIDES.get(name, row.input)), network


def spared(name: str, request: pytest.FixtureRequest) -> str:
    row = registry.row(name)
    if row.macs > DEAR and not stands_for_its_family(row) and not request.config.getoption("--soak"):
        pytest.skip("a smaller one of its family stands for it: make soak")
    return name


@pytest.fixture(scope="module", params=ESTIMATORS)
def estimator(request) -> Backbone:
    """Each row's estimator; people in boxes that are really there, whatever is then made of them."""
    name = spared(request.param, request)
    if name in EMBEDDED:
        return registry.load_estimator(name, device="cpu")
    row, network = made(name)
    return registry.estimator_of(row, network, CPU, detector=people_finder() if row.detector else None)


@pytest.fixture
def frames(person, estimator) -> list[np.ndarray]:
    """One person in frames of several sizes; of two where a frame is dear."""
    wide, tall = np.zeros((240, 320, 3), np.uint8), np.zeros((300, 200, 3), np.uint8)
    wide[40:232, 60:252], tall[50:242, 5:197] = person, person
    several = [tall, wide, person, person.repeat(2, 0).repeat(2, 1)]
    return several if registry.row(estimator.name).macs < DEAR else several[:2]


def test_one_answer_a_frame_in_source_pixels_whatever_the_neighbours(estimator, frames):
    """Not one bit differs in calls of several frames; one alone runs in another shape, with its own rounding."""
    hints = [None] * len(frames)
    together, again = estimator(frames, hints), estimator(frames[::-1], hints)[::-1]
    assert len(together) == len(frames)
    for frame, people, other in zip(frames, together, again, strict=True):
        assert people.skeleton_name == registry.row(estimator.name).skeleton == estimator.skeleton.name
        assert people.finite
        assert np.isfinite(people.xy).all()
        assert ((people.score >= 0) & (people.score <= 1)).all()
        seen = people.xy[people.score >= estimator.min_score]
        margin = (0.1 if estimator.name in EMBEDDED else 0.5) * max(frame.shape[:2])
        assert (seen > -margin).all()
        assert (seen < np.array(frame.shape[1::-1]) + margin).all()
        assert np.array_equal(other.xy, people.xy)
        assert np.array_equal(other.score, people.score)
    if estimator.name in EMBEDDED:
        alone = estimator(frames[:1], hints[:1])[0]
        np.testing.assert_allclose(alone.xy, together[0].xy, atol=0.01)
        np.testing.assert_allclose(alone.score, together[0].score, atol=1e-4)


def test_somebody_is_seen(estimator, frames):
    """Or the tests above look at nobody. OpenPose's body network finds none with made-up weights."""
    if estimator.name in EMBEDDED or registry.row(estimator.name).view == "top-down":
        assert len(estimator(frames[:1], [None])[0]) == 1
    elif estimator.name in PERSON_BIAS:
        assert len(estimator(frames[:1], [None])[0]) > 1


@pytest.mark.parametrize("colour", [0, 255])
def test_a_frame_of_one_colour_is_no_accident(estimator, colour):
    people = estimator([np.full((120, 160, 3), colour, np.uint8)], [None])[0]
    assert people.finite


def test_no_frames_no_answers(estimator):
    assert estimator([], []) == []


def test_a_hint_for_each_frame(estimator):
    with pytest.raises(ValueError, match="expected one for each"):
        estimator([np.zeros((9, 9, 3), np.uint8)], [])


def test_hints_are_hashable_and_only_for_who_wants_them(estimator, frames):
    people = estimator(frames[:1], [None])
    hints = [estimator.next_hint(people[0], frames[0].shape[:2])]
    assert isinstance(hash(hints[0]), int)
    assert estimator.wants_hints or hints == [None]
    if estimator.wants_hints:
        assert len(estimator(frames[:1], hints)) == 1


@pytest.mark.parametrize("name", EMBEDDED)
def test_a_mirrored_person_is_seen_mirrored(name, person):
    estimator = registry.load_estimator(name, device="cpu")
    people, mirrored = estimator([person, np.ascontiguousarray(person[:, ::-1])], [None, None])
    turned = mirrored.xy[0, estimator.skeleton.mirror] * (-1, 1) + (person.shape[1], 0)
    seen = (people.score[0] >= 0.3) & (np.array(estimator.skeleton.joints) != "background")
    assert seen.sum() >= 5
    distance = np.linalg.norm(turned - people.xy[0], axis=-1)[seen]
    assert distance.mean() < 0.03 * person.shape[1]


@pytest.mark.parametrize("name", [row.name for row in registry.rows() if row.follows])
def test_following_can_be_switched_off(name):
    assert registry.load_estimator(name, device="cpu").wants_hints
    assert not registry.load_estimator(name, device="cpu", crop_following=False).wants_hints
    assert not registry.load_estimator(name, device="cpu", detector="movenet-multipose").wants_hints


@pytest.mark.parametrize("name", DETECTORS)
def test_a_detector_gives_boxes_in_source_pixels_whatever_the_neighbours(name, person, request):
    row, network = made(spared(name, request))
    detector = registry.detector_of(row, network, CPU)
    frames = [np.pad(person, ((0, 20), (0, 64), (0, 0))), np.pad(person, ((9, 0), (0, 60), (0, 0)))]
    together, again = detector(frames), detector(frames[::-1])[::-1]
    for frame, boxes, other in zip(frames, together, again, strict=True):
        assert boxes.finite
        assert len(boxes)
        assert (np.diff(boxes.score) <= 0).all()
        assert (boxes.xywh[:, 2:] >= 0).all()
        middles = boxes.xywh[:, :2] + boxes.xywh[:, 2:] / 2
        assert ((middles >= 0) & (middles <= frame.shape[1::-1])).all()
        assert np.array_equal(boxes.xywh, other.xywh)
        assert np.array_equal(boxes.score, other.score)
    assert detector([]) == []
