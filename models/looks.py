"""Looks: a frame seen whole several times, from nearer and mirrored; everybody as the surest look saw them.

Published networks that see whole frames are tested so (several scales and mirrored): OpenPose, arXiv 1611.08050,
section 3; for who stands small in a frame, it is what counts.
"""

import dataclasses
from collections.abc import Hashable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from posebeam.models.device import choose_device
from posebeam.models.estimator import Estimator
from posebeam.models.movenet_multipose import distinct
from posebeam.models.registry import BATCH_SIZE, estimator_of, network_for, row
from posebeam.transforms.assign import sigmas
from posebeam.transforms.errors import ConfigError
from posebeam.transforms.people import People

MOST = 4  # scales


class Looks:
    """An Estimator (models/estimator.py) of others that see everybody in whole frames, each alike."""

    wants_hints, several = False, True

    def __init__(self, estimators: Sequence[Estimator], flip: bool):
        first = estimators[0]
        if not first.several:
            raise ConfigError(f"backbone {first.name} sees one person a frame: several looks would give several")
        self._estimators, self._flip = tuple(estimators), flip
        self.name, self.skeleton, self.min_score = first.name, first.skeleton, first.min_score
        self.batch_size, self.device_kind = first.batch_size, first.device_kind

    @property
    def halvings(self) -> int:
        """How many chunks were halved for lack of memory so far."""
        return sum(each.halvings for each in self._estimators)

    def __call__(self, frames: Sequence[NDArray[np.uint8]], hints: Sequence[Hashable | None]) -> list[People]:
        """Everybody in each frame [H, W, 3], from the surest on; hints are not looked at."""
        looks = []
        for estimator in self._estimators:
            looks.append(estimator(frames, hints))
            if self._flip:
                back = estimator([np.ascontiguousarray(frame[:, ::-1]) for frame in frames], hints)
                looks.append([unmirrored(*each) for each in zip(back, frames, strict=True)])
        return [self._joined(look) for look in zip(*looks, strict=True)]

    def next_hint(self, people: People, size: tuple[int, int]) -> None:
        """Each frame is seen whole."""

    def _joined(self, looks: Sequence[People]) -> People:
        """One frame's people of all looks; of those who are alike the surest."""
        if not all(people.finite for people in looks):
            return People.nobody(self.skeleton.name, finite=False)
        sure = np.concatenate([people.sureness(self.min_score) for people in looks]).astype(np.float32)
        order = np.argsort(-sure, kind="stable")
        xy, score, boxes = (
            np.concatenate([getattr(people, name) for people in looks])[order] for name in ("xy", "score", "boxes")
        )
        kept = distinct(xy, score >= self.min_score, boxes, 2 * sigmas(self.skeleton))
        return People(self.skeleton.name, xy[kept], score[kept], boxes[kept], sure=sure[order][kept])


def unmirrored(people: People, frame: NDArray[np.uint8]) -> People:
    """The people of a frame's [H, W, 3] mirror image as people of the frame."""
    width, order = frame.shape[1], list(people.skeleton.mirror)
    xy, boxes = people.xy[:, order], people.boxes[:, [2, 1, 0, 3]]
    xy[..., 0], boxes[:, ::2] = width - xy[..., 0], width - boxes[:, ::2]
    return dataclasses.replace(people, xy=xy, score=people.score[:, order], boxes=boxes)


def load_looks(
    name: str,
    *,
    device: str = "auto",
    weights: Path | None = None,
    batch_size: int = BATCH_SIZE,
    decode: str = "",
    scales: int = 1,
    flip: bool = False,
) -> Looks:
    """A backbone that sees whole frames, at the row's input, twice and so on up to `scales` times its sides.

    ConfigError if it sees one person a frame, or for fewer scales than 1 or more than 4.
    """
    facts = row(name)
    if facts.view != "whole-frame":
        raise ConfigError(f"backbone {name} does not see whole frames: it looks at them at one scale only")
    if not 1 <= scales <= MOST:
        raise ConfigError(f"scales: got {scales}, expected 1 to {MOST}")
    chosen = choose_device(device)
    network = network_for(name, chosen, weights)
    inputs = [(facts.input[0] * scale, facts.input[1] * scale) for scale in range(1, scales + 1)]
    estimators = [
        estimator_of(
            dataclasses.replace(facts, input=size), network, chosen, batch_size=batch_size, decode=decode,
            crop_following=False,
        )
        for size in inputs
    ]  # fmt: skip
    return Looks(estimators, flip)
