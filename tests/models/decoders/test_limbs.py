"""Links to people: the plain rule, and the published one for the limbs that close the tree."""

import numpy as np
import pytest

from posebeam.models.decoders.limbs import LIMBS, SKELETON, Links, Peaks, find_links, group, one_to_one, settled

NAMES = ("neck", "right_shoulder", "nose", "right_eye", "right_ear", "right_ear")  # two ears to choose from
NECK, SHOULDER, NOSE, EYE, EAR, OTHER = range(len(NAMES))
PEAKS = Peaks(np.array(SKELETON.indices(NAMES)), np.arange(12.0).reshape(6, 2), np.linspace(0.5, 1, 6))


def linked(*ends: tuple[int, int], score: float = 1.0) -> Links:
    """Links between peaks in that order; the limb follows from the joints."""
    limbs = [LIMBS.index((NAMES[a], NAMES[b])) for a, b in ends]
    start, end = np.array(ends, int).reshape(-1, 2).T
    return Links(np.array(limbs, int), start, end, np.full(len(ends), score))


BODY = ((NECK, SHOULDER), (NECK, NOSE))
FACE = ((EYE, EAR),)


def people(*ends: tuple[int, int], closing: bool) -> list[set[int]]:
    return [set(person.peaks.values()) for person in group(linked(*ends), PEAKS, closing)]


@pytest.mark.parametrize("closing", [False, True])
def test_links_join_what_is_apart(closing):
    assert people(*BODY, *FACE, closing=closing) == [{NECK, SHOULDER, NOSE}, {EYE, EAR}]
    assert people(*BODY, *FACE, (NOSE, EYE), closing=closing) == [{NECK, SHOULDER, NOSE, EYE, EAR}]
    assert people(*BODY, *FACE, (SHOULDER, EAR), closing=closing) == [{NECK, SHOULDER, NOSE, EYE, EAR}]


@pytest.mark.parametrize("closing", [False, True])
def test_scores_and_parts_add_up(closing):
    (person,) = group(linked(*BODY, *FACE, (SHOULDER, EAR)), PEAKS, closing)
    assert person.parts == 5
    assert person.total == pytest.approx(PEAKS.score[:5].sum() + 4)


def test_nobody_gets_a_joint_twice():
    assert people(*BODY, (SHOULDER, EAR), (SHOULDER, OTHER), closing=False) == [{NECK, SHOULDER, NOSE, EAR}]
    assert people(*FACE, *BODY, (NOSE, EYE), (SHOULDER, OTHER), closing=False) == [
        {NECK, SHOULDER, NOSE, EYE, EAR}
    ]


def test_closing_limbs_as_published():
    """They begin nobody, take in no shoulder, and put another ear in place of the first, which still counts."""
    assert people((SHOULDER, EAR), closing=True) == []
    assert people(*FACE, (SHOULDER, EAR), closing=True) == [{EYE, EAR}]
    whole = (*BODY, *FACE, (NOSE, EYE))
    (person,) = group(linked(*whole, (SHOULDER, OTHER)), PEAKS, closing=True)
    assert set(person.peaks.values()) == {NECK, SHOULDER, NOSE, EYE, OTHER}
    assert person.parts == 6
    assert person.total == pytest.approx(PEAKS.score.sum() + 5)


def test_an_ear_that_was_replaced_is_free_again():
    """Neighbours: A's ear goes over to the other peak, so B may have it."""
    names = ("neck", "right_shoulder", "nose", "right_eye", "right_ear", "right_ear", "neck", "right_shoulder")
    peaks = Peaks(np.array(SKELETON.indices(names)), np.zeros((8, 2)), np.ones(8))
    ends = [(0, 1), (0, 2), (2, 3), (3, 4), (6, 7), (1, 5), (7, 4)]
    limbs = np.array([LIMBS.index((names[a], names[b])) for a, b in ends])
    start, end = np.array(ends).T
    found = group(Links(limbs, start, end, np.ones(7)), peaks, closing=True)
    assert [set(person.peaks.values()) for person in found] == [{0, 1, 2, 3, 5}, {6, 7, 4}]


def test_one_to_one_takes_the_surest_of_a_limb():
    links = linked((EYE, EAR), (EYE, OTHER), (SHOULDER, EAR))
    chosen = one_to_one(Links(links.limb, links.start, links.end, np.array([0.4, 0.6, 0.1])))
    assert sorted(zip(chosen.start.tolist(), chosen.end.tolist(), strict=True)) == [(SHOULDER, EAR), (EYE, OTHER)]


def test_a_limb_needs_its_field_along_most_of_the_way():
    """Neck and nose 10 apart, a field to the right on a share of the way."""
    peaks = Peaks(np.array(SKELETON.indices(("neck", "nose"))), np.array([[0.0, 0], [10, 0]]), np.ones(2))

    def links(share: float, strength: float = 1.0, height: float = 100.0) -> Links:
        def look(limb, points):
            return np.stack((strength * (points[..., 0] <= 10 * share), np.zeros(points.shape[:2])), -1)

        return find_links(peaks, look, height, samples=11, least=0.05, along=0.8)

    assert links(1).score.tolist() == pytest.approx([1])
    assert links(0.8).score.tolist() == pytest.approx([9 / 11])
    assert len(links(0.6).score) == 0
    assert len(links(1, strength=-1).score) == 0
    assert links(1, height=10).score.tolist() == pytest.approx([0.5])  # longer than half the picture: doubtful


def test_the_settled_come_surest_first_and_the_doubtful_not_at_all():
    weak, strong = linked(*FACE, score=0.5), linked(*BODY, score=2.0)
    everybody = [*group(weak, PEAKS), *group(strong, PEAKS)]
    xy, score = settled(everybody, PEAKS, 2, 0.4)
    neck, eye = SKELETON.index("neck"), SKELETON.index("right_eye")
    assert score[:, [neck, eye]].tolist() == pytest.approx(np.array([[0.5, 0], [0, 0.8]]))
    assert xy[0, neck].tolist() == PEAKS.xy[NECK].tolist()
    assert xy[0, eye].tolist() == [0, 0]
    assert len(settled(everybody, PEAKS, 3, 0.4)[0]) == 1
    assert len(settled(everybody, PEAKS, 2, 9)[0]) == 0
