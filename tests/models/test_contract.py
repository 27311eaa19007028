"""What every backbone of the table owes the loop: to be in the table is to be tested."""

import cv2
import numpy as np
import pytest
from safetensors.torch import save_file

from posebeam.models import registry

PUBLISHED = [row.name for row in registry.rows() if row.weights and row.weights.embedded]


@pytest.fixture(scope="module", params=[row.name for row in registry.rows()])
def estimator(request, tmp_path_factory):
    """Each row's estimator, with made-up weights where the published ones would have to be fetched."""
    own = None
    if request.param not in PUBLISHED:
        own = tmp_path_factory.mktemp("weights") / "made.safetensors"
        save_file(registry.build_network(request.param).state_dict(), own)
    return registry.load_estimator(request.param, device="cpu", weights=own)


@pytest.fixture
def frames(person) -> list[np.ndarray]:
    """One person in frames of four sizes."""
    wide, tall = np.zeros((240, 320, 3), np.uint8), np.zeros((300, 200, 3), np.uint8)
    wide[40:232, 60:252], tall[50:242, 5:197] = person, person
    return [person, wide, tall, cv2.resize(person, (400, 400))]


def test_the_row_says_how_many_parameters(estimator):
    network = registry.build_network(estimator.name)
    assert sum(p.numel() for p in network.parameters()) == registry.row(estimator.name).parameters


def test_one_answer_a_frame_in_source_pixels(estimator, frames):
    everyone = estimator(frames, [None] * len(frames))
    assert len(everyone) == len(frames)
    for frame, people in zip(frames, everyone, strict=True):
        assert people.skeleton_name == registry.row(estimator.name).skeleton == estimator.skeleton.name
        assert people.finite
        assert np.isfinite(people.xy).all()
        assert ((people.score >= 0) & (people.score <= 1)).all()
        seen = people.xy[people.score >= estimator.min_score]
        margin = 0.1 * max(frame.shape[:2])
        assert (seen > -margin).all()
        assert (seen < np.array(frame.shape[1::-1]) + margin).all()


def test_a_frame_does_not_depend_on_its_neighbours(estimator, frames):
    """Not by one bit in calls of several frames; a frame alone runs in another shape, with rounding of its own."""
    hints = [None] * len(frames)
    together, again = estimator(frames, hints), estimator(frames[::-1], hints)[::-1]
    for frame, one, other in zip(frames, together, again, strict=True):
        assert np.array_equal(other.xy, one.xy)
        assert np.array_equal(other.score, one.score)
        alone = estimator([frame], [None])[0]
        np.testing.assert_allclose(alone.xy, one.xy, atol=0.01)
        np.testing.assert_allclose(alone.score, one.score, atol=1e-4)


@pytest.mark.parametrize("colour", [0, 255])
def test_a_frame_of_one_colour_is_no_accident(estimator, colour):
    people = estimator([np.full((120, 160, 3), colour, np.uint8)], [None])[0]
    assert people.finite


def test_no_frames_no_answers(estimator):
    assert estimator([], []) == []


def test_hints_are_hashable_and_only_for_who_wants_them(estimator, frames):
    people = estimator(frames, [None] * len(frames))
    hints = [estimator.next_hint(p, f.shape[:2]) for p, f in zip(people, frames, strict=True)]
    assert len({*map(hash, hints)}) >= 1
    assert estimator.wants_hints or hints == [None] * len(frames)
    assert len(estimator(frames, hints)) == len(frames)


@pytest.mark.parametrize("name", PUBLISHED)
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
