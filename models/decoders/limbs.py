"""Limbs: pairs of peaks that part affinity fields join, and the people that they make."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from posebeam.transforms.skeleton import skeleton

Floats = NDArray[np.floating]
Indices = NDArray[np.intp]

SKELETON = skeleton("openpose19")
PARTS = len(SKELETON) - 1  # all maps but the background
# The limbs in the order of their fields; a field points from the first joint to the second.
LIMBS = (
    ("neck", "right_hip"), ("right_hip", "right_knee"), ("right_knee", "right_ankle"),
    ("neck", "left_hip"), ("left_hip", "left_knee"), ("left_knee", "left_ankle"),
    ("neck", "right_shoulder"), ("right_shoulder", "right_elbow"), ("right_elbow", "right_wrist"),
    ("right_shoulder", "right_ear"),
    ("neck", "left_shoulder"), ("left_shoulder", "left_elbow"), ("left_elbow", "left_wrist"),
    ("left_shoulder", "left_ear"),
    ("neck", "nose"), ("nose", "right_eye"), ("nose", "left_eye"),
    ("right_eye", "right_ear"), ("left_eye", "left_ear"),
)  # fmt: skip
FROM, TO = (np.array(SKELETON.indices(ends)) for ends in zip(*LIMBS, strict=True))
# The others already make a tree: these join only what is left apart.
SPARE = np.array([{end.split("_")[-1] for end in limb} == {"shoulder", "ear"} for limb in LIMBS])


@dataclass(frozen=True)
class Peaks:
    """Where joints may be: joint [N], xy [N, 2] in the units of the maps looked at, score [N]."""

    joint: Indices
    xy: Floats
    score: Floats


@dataclass(frozen=True)
class Links:
    """Limbs that may be: limb [M], the peaks at its ends start [M] and end [M], score [M]."""

    limb: Indices
    start: Indices
    end: Indices
    score: Floats

    def taken(self, order: Indices | list[int]) -> "Links":
        """Those at these positions, in that order."""
        return Links(self.limb[order], self.start[order], self.end[order], self.score[order])


@dataclass(eq=False)
class Person:
    """Somebody in the making: the peak of each joint that was found.

    number  which link began it
    total   its peaks' and limbs' scores
    parts   how many peaks went into it
    """

    number: int
    peaks: dict[int, int]
    total: float
    parts: int = 1


def find_links(
    peaks: Peaks,
    look: Callable[[Indices, Floats], Floats],
    height: float,
    samples: int,
    least: float,
    along: float,
    reaches: Callable[[Indices, Floats], NDArray[np.bool_]] | None = None,
) -> Links:
    """Pairs of peaks that the fields support, limb by limb: the mean of the field along the straight line.

    look gives the fields [M, s, 2] of limbs [M] at points [M, s, 2]; reaches, if there is a quicker way, says bool
    [M, s] where they may be longer than `least`. A pair is kept if a share `along` of its
    samples exceeds `least` in the limb's direction and its score is above 0; the score of a limb longer than half
    the picture's height is lowered. Source: Cao et al., arXiv 1611.08050, section 2.3, equations 10 and 11.
    """
    limb, start, end = _pairs(peaks.joint)
    steps = np.linspace(0, 1, samples, dtype=peaks.xy.dtype)
    spared = int(samples * (1 - along) + 1e-6)  # samples that may disagree
    few = steps[np.linspace(0, samples - 1, 3 + spared + (3 if reaches else 0), dtype=int)[1:-1]]

    def points(places: NDArray[np.floating]) -> Floats:
        """Where the pairs [M] are looked at, [M, s, 2]."""
        return peaks.xy[start, None] + (peaks.xy[end] - peaks.xy[start])[:, None] * places[:, None]

    def agreement(places: NDArray[np.floating]) -> tuple[Floats, Floats]:
        """How far the fields [M, s] go along the pairs [M] there, and the pairs' lengths [M]."""
        way = peaks.xy[end] - peaks.xy[start]
        length = np.maximum(np.linalg.norm(way, axis=1), 1e-6)
        return (look(limb, points(places)) * (way / length[:, None])[:, None]).sum(-1), length

    # Pairs are as many as people squared, and most join two of them: where one sample more disagrees than may,
    # the others need not be looked at.
    may_agree = reaches(limb, points(few)) if reaches else agreement(few)[0] > least
    likely = (~may_agree).sum(1) <= spared
    limb, start, end = (part[likely] for part in (limb, start, end))
    agree, length = agreement(steps)
    score = agree.mean(1) + np.minimum(0.5 * height / length - 1, 0)
    kept = ((agree > least).mean(1) >= along) & (score > 0)
    return Links(limb, start, end, score.astype(peaks.xy.dtype)).taken(np.flatnonzero(kept))


def _pairs(joint: Indices) -> tuple[Indices, Indices, Indices]:
    """Limb [M], and the peaks at both its ends [M], of all pairs of peaks whose joints [N] are a limb's."""
    of_joint = [np.flatnonzero(joint == each) for each in range(PARTS)]
    starts = [np.repeat(of_joint[a], len(of_joint[b])) for a, b in zip(FROM, TO, strict=True)]
    ends = [np.tile(of_joint[b], len(of_joint[a])) for a, b in zip(FROM, TO, strict=True)]
    limbs = np.repeat(np.arange(len(LIMBS)), [len(each) for each in starts])
    return limbs, np.concatenate(starts), np.concatenate(ends)


def one_to_one(links: Links) -> Links:
    """Limb by limb the surest first, each peak at most once in a limb."""
    ordered = links.taken(np.lexsort((-links.score, links.limb)))
    used: set[tuple[str, int, int]] = set()
    kept = []
    parts = (ordered.limb.tolist(), ordered.start.tolist(), ordered.end.tolist())
    for index, (limb, start, end) in enumerate(zip(*parts, strict=True)):
        ends = {("start", limb, start), ("end", limb, end)}
        if used.isdisjoint(ends):
            used |= ends
            kept.append(index)
    return ordered.taken(kept)


def group(links: Links, peaks: Peaks, closing: bool = False) -> list[Person]:
    """People, put together link by link: a link joins two people, or peaks of nobody, who share no joint.

    closing: spare limbs are treated as published. They start nobody and take in no shoulder; and where their
    people share a joint, the first of them gets the ear all the same, which counts once more.
    """
    joint, height = peaks.joint.tolist(), peaks.score.tolist()
    owner: dict[int, Person] = {}
    people: dict[int, Person] = {}
    parts = (
        links.start.tolist(),
        links.end.tolist(),
        (SPARE[links.limb] & closing).tolist(),
        links.score.tolist(),
    )
    for number, (start, end, closes, score) in enumerate(zip(*parts, strict=True)):
        ours, theirs = owner.get(start), owner.get(end)
        if (ours is not None and ours is theirs) or (closes and ours is None):
            continue
        ours = ours or Person(number, {joint[start]: start}, height[start])
        theirs = theirs or Person(number, {joint[end]: end}, height[end])
        first, second = (ours, theirs) if ours.number <= theirs.number else (theirs, ours)
        if first.peaks.keys().isdisjoint(second.peaks):
            people.pop(second.number, None)
            people[first.number] = first
            first.peaks |= second.peaks
            first.total, first.parts = first.total + second.total + score, first.parts + second.parts
            owner |= dict.fromkeys(first.peaks.values(), first)
        elif closes:
            owner.pop(first.peaks.get(joint[end], -1), None)
            first.peaks[joint[end]] = end
            owner[end] = first
            first.total, first.parts = first.total + height[end] + score, first.parts + 1
    return list(people.values())


def settled(people: list[Person], peaks: Peaks, least: int, sure: float) -> tuple[Floats, Floats]:
    """Those with `least` parts and a mean score of `sure` as xy [P, 18, 2] and score [P, 18], the surest first.

    The mean is over parts, of scores of peaks and limbs. A joint that was not found is at (0, 0) with score 0.
    """
    sound = [person for person in people if person.parts >= least and person.total >= sure * person.parts]
    sound.sort(key=lambda person: -person.total)
    xy, score = (np.zeros((len(sound), PARTS, *rest), peaks.xy.dtype) for rest in ((2,), ()))
    for row, person in enumerate(sound):
        joints, members = list(person.peaks), list(person.peaks.values())
        xy[row, joints], score[row, joints] = peaks.xy[members], np.clip(peaks.score[members], 0, 1)
    return xy, score
