"""Backbone: a row at work. What all estimators are; how a family shows pictures to its network is its view's."""

from collections.abc import Hashable, Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from torch import nn

from posebeam.models.batch import Batch
from posebeam.models.detector import Boxes, Detector
from posebeam.models.movenet_hint import Square, next_square
from posebeam.models.row import Row
from posebeam.transforms.errors import ConfigError
from posebeam.transforms.people import People
from posebeam.transforms.skeleton import skeleton

Frames = Sequence[NDArray[np.uint8]]


@runtime_checkable
class WholeView(Protocol):
    """Shows whole frames to a network.

    several  there may be more than one person in a frame
    batch    what runs the network
    """

    several: bool
    batch: Batch

    def __call__(self, frames: Frames, hints: Sequence[Hashable | None]) -> list[People]:
        """The people of each of n >= 1 frames [H, W, 3] in source pixels."""
        ...


@runtime_checkable
class BoxView(Protocol):
    """Shows the surroundings of boxes to a network, one person a box; margin is how much wider, by default."""

    batch: Batch
    margin: float

    def in_boxes(
        self, frames: Frames, boxes: NDArray[np.float64], margin: float
    ) -> tuple[NDArray[np.floating], NDArray[np.float32], NDArray[np.bool_]]:
        """n >= 1 boxes [n, 4] (x, y, w, h), each with the frame that it lies in, to joints in source pixels
        [n, K, 2], their scores [n, K], and whether the network's outputs were finite [n].
        """
        ...


class Backbone:
    """An Estimator (models/estimator.py): a view, and the detector that gives it boxes, if one is wanted.

    batch_size is the most frames a call takes well. Hints are Squares, of rows that follow.
    """

    def __init__(
        self,
        row: Row,
        view: WholeView | BoxView,
        batch_size: int,
        *,
        crop_following: bool = False,
        detector: Detector | None = None,
    ):
        if detector is None and not isinstance(view, WholeView):
            raise ConfigError(f"backbone {row.name} sees one person's box at a time: it needs a detector")
        if detector is not None and not isinstance(view, BoxView):
            raise ConfigError(f"backbone {row.name} finds people by itself: it takes no detector")
        self.name, self.skeleton, self.min_score = row.name, skeleton(row.skeleton), row.min_score
        self.batch_size, self.device_kind = batch_size, view.batch.device.type
        self.several = detector is not None or (isinstance(view, WholeView) and view.several)
        self.wants_hints = row.follows and crop_following and detector is None
        self._view, self._detector = view, detector

    @property
    def halvings(self) -> int:
        """How many chunks were halved for lack of memory so far, the detector's among them."""
        return self._view.batch.halvings + (self._detector.halvings if self._detector else 0)

    @property
    def network(self) -> nn.Module:
        """The bare network, where it runs."""
        return self._view.batch.network

    def __call__(self, frames: Frames, hints: Sequence[Hashable | None]) -> list[People]:
        """The people of each frame [H, W, 3]; nobody where no joint reaches min_score."""
        if len(frames) != len(hints):
            raise ValueError(f"{len(frames)} frames with {len(hints)} hints: expected one for each")
        if not len(frames):
            return []
        if self._detector is not None:
            found = self._detector(frames)
            everyone = self.in_boxes(frames, [each.xywh for each in found])
            return [self._seen(*each) for each in zip(everyone, found, strict=True)]
        assert isinstance(self._view, WholeView)  # __init__ holds it
        return self._view(frames, hints)

    def in_boxes(
        self, frames: Frames, boxes: Sequence[NDArray[np.float64]], margin: float | None = None
    ) -> list[People]:
        """One person for each box of each frame, in the boxes' order, however low its scores.

        boxes: float [P, 4] a frame: x, y, w, h in source pixels, counted as COCO counts. margin: how much more
        than the box is shown; None is the family's own. A frame with a box on which the network's output was not
        finite has nobody, and finite is False. ConfigError if the backbone does not look at boxes.
        """
        view = self._view
        if not isinstance(view, BoxView):
            raise ConfigError(f"backbone {self.name} looks at whole frames only, not at boxes")
        _check(frames, boxes)
        which = np.repeat(np.arange(len(frames)), [len(each) for each in boxes])
        if not len(which):
            return [People.nobody(self.skeleton.name) for _ in frames]
        flat = np.concatenate(list(boxes)).astype(np.float64)
        own = view.margin if margin is None else margin
        results = view.in_boxes([frames[int(i)] for i in which], flat, own)
        ends = np.cumsum([len(each) for each in boxes])[:-1]
        return [
            self._people(*each) for each in zip(boxes, *(np.split(part, ends) for part in results), strict=True)
        ]

    def next_hint(self, people: People, size: tuple[int, int]) -> Square | None:
        """The square of the next frame (H, W); None where nothing is followed."""
        return next_square(people, size) if self.wants_hints else None

    def _people(
        self, boxes: NDArray[Any], xy: NDArray[np.floating], score: NDArray[np.float32], finite: NDArray[np.bool_]
    ) -> People:
        """What was seen in one frame's boxes [P, 4]: xy [P, K, 2], score [P, K], finite [P]."""
        if not finite.all():
            return People.nobody(self.skeleton.name, finite=False)
        corners = np.concatenate((boxes[:, :2], boxes[:, :2] + boxes[:, 2:]), 1).astype(np.float32)
        return People(self.skeleton.name, xy.astype(np.float32), score.clip(0, 1), corners)

    def _seen(self, people: People, found: Boxes) -> People:
        """Those of the people in detected boxes of whom there is a joint to be seen."""
        if not (people.finite and found.finite):
            return People.nobody(people.skeleton_name, finite=False)
        seen = people.score.max(1, initial=0) >= self.min_score
        return People(
            people.skeleton_name, people.xy[seen], people.score[seen], people.boxes[seen], sure=found.score[seen]
        )


def _check(frames: Frames, boxes: Sequence[NDArray[Any]]) -> None:
    """ValueError unless there are finite boxes [P, 4] for each frame."""
    if len(frames) != len(boxes):
        raise ValueError(f"{len(frames)} frames with boxes of {len(boxes)}: expected some, or none, for each")
    for each in boxes:
        if each.ndim != 2 or each.shape[1] != 4 or not np.isfinite(each).all():
            raise ValueError(f"boxes of shape {list(each.shape)}: expected finite numbers [P, 4]: x, y, w, h")
