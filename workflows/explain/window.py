"""ExplainWindow: the window of a video that a trained model is surest of, and where its class token looked."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from posebeam.models.attention import attention_maps
from posebeam.models.dependency import one_map
from posebeam.models.estimator import Estimator
from posebeam.transforms.errors import ConfigError, DataError
from posebeam.transforms.track import PoseTrack
from posebeam.transforms.windows import WindowRule
from posebeam.workflows.action.prediction import Prediction, predict, shown_frames, window_frames
from posebeam.workflows.action.trained import Trained

Array = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Attended:
    """A window of T frames, and the attention of the class token in each of L layers.

    number, count  which window of the video's it is
    frames         int64 [T]        numbers in the video; those after its last pose repeat that pose
    seconds        of the window's first frame
    probabilities  float32 [classes]  of this window
    to_frames      float32 [L, T]   what the token takes from each frame
    to_itself      float32 [L]      and from itself; with to_frames it sums to 1
    valid          bool [T, 13]     joints that were seen
    """

    prediction: Prediction
    number: int
    count: int
    frames: NDArray[np.int64]
    seconds: float
    probabilities: Array
    to_frames: Array
    to_itself: Array
    valid: NDArray[np.bool_]

    @property
    def tracks(self) -> list[PoseTrack]:
        """The segments of the window's person."""
        person = self.prediction.people[self.number]
        return [track for track in self.prediction.tracks if track.person == person]


def attended_window(
    video: Path,
    trained: Trained,
    estimator: Estimator,
    rule: WindowRule,
    number: int = -1,
    head: int | None = None,
) -> Attended:
    """Window `number` of a video, from 0; -1: the one with the highest probability of the video's label.

    A model that also reads the mirrored window is shown on the window as it is. What the video's reading raised is
    raised; DataError where nobody was seen.
    """
    read: list[tuple[Array, NDArray[np.bool_]]] = []

    def classify(x: Array, valid: NDArray[np.bool_]) -> Array:
        read.append((x, valid))
        return trained.probabilities(x, valid)

    (prediction,) = predict([video], estimator, rule, classify, trained.record["data"]["fps"])
    if prediction.error is not None:
        raise prediction.error
    count = len(prediction.starts)
    if not count:
        raise DataError(f"{video}: nobody was seen, or the clip is a still: no window to look at")
    if not -1 <= number < count:
        raise ConfigError(f"--window {number}: {video} has {count}, numbered from 0")
    if number < 0:
        number = int(prediction.windows[:, prediction.overall.argmax()].argmax())
    x, valid = read[0]
    maps = class_token(trained, x[number], head)
    return Attended(
        prediction,
        number,
        count,
        frames_of(prediction, number, rule),
        prediction.seconds[number],
        prediction.windows[number],
        maps[:, 1:],
        maps[:, 0],
        valid[number],
    )


def class_token(trained: Trained, x: Array, head: int | None = None) -> Array:
    """Where each layer's class token looks, [L, 1 + T], in a window [T, 52]: at itself, then at each frame."""
    with attention_maps(trained.network) as maps, torch.inference_mode():
        trained.network(torch.from_numpy(x[None]).to(trained.device))
    return np.stack([one_map(each[0].float().cpu(), head)[0].numpy() for each in maps.values()])


def frames_of(prediction: Prediction, number: int, rule: WindowRule) -> NDArray[np.int64]:
    """Numbers [T] in the video of a window's frames: each one, or those that show the person, by the rule's gaps.

    Past the end of the track they go on, one by one: the window is filled up there.
    """
    start = prediction.starts[number]
    if rule.gaps == "keep":
        return start + np.arange(rule.length, dtype=np.int64)
    return window_frames(shown_frames(prediction.tracks, rule)[prediction.people[number]], start, rule.length)
