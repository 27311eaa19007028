"""FeaturePrediction: what the hybrid classifier says of a video, by its first frames."""

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from posebeam.models.clip_features import LENGTH, filled_up
from posebeam.models.extractors import features_sha256, load_extractor
from posebeam.models.frame_features import FrameFeatures, central_piece
from posebeam.pipelines.bounds import BOUNDS, Bounds
from posebeam.pipelines.decode import DecodeReport, open_clip
from posebeam.pipelines.job import FRAME_BYTES
from posebeam.pipelines.prefetch import Prefetch
from posebeam.pipelines.stores.fetched import opener
from posebeam.transforms.errors import ClipError, DataError
from posebeam.workflows.action.prediction import Prediction
from posebeam.workflows.action.trained import Trained


def extractor_of(
    trained: Trained, *, device: str = "auto", weights: Path | None = None, batch_size: int = 32
) -> FrameFeatures:
    """Who makes the features that a model was trained on; weights: a file of yours, where they came from one.

    DataError if the weights are others.
    """
    name, want = trained.made.features, trained.made.features_sha256
    if (got := features_sha256(name, weights)) != want:
        raise DataError(
            f"{trained.folder} was trained on features by {name} of weights {want[:16]}..., these are "
            f"{got[:16]}...: name the file that it was trained with (--weights FILE)"
        )
    return load_extractor(name, device=device, weights=weights, batch_size=batch_size)


def predict_features(
    videos: Sequence[Path], trained: Trained, extractor: FrameFeatures, bounds: Bounds = BOUNDS
) -> Iterator[Prediction]:
    """A Prediction for each video, in order: one for its first frames, as if they were a window of nobody's."""
    fps = trained.record["data"]["fps"] or None
    for video in videos:
        try:
            features, report = _features(video, fps, extractor, bounds)
        except ClipError as error:
            yield Prediction(video, error=error)
            continue
        x, real = filled_up(features)[None], np.arange(LENGTH)[None] < len(features)
        yield Prediction(video, (0,), (0.0,), trained.probabilities(x, real), report=report, people=(0,))


def _features(
    video: Path, fps: float | None, extractor: FrameFeatures, bounds: Bounds
) -> tuple[NDArray[np.float32], DecodeReport]:
    """Features [n, F] of a video's first frames, and what it turned out to be."""
    opened = opener(str(video), partial(open_clip, fps=fps, most=LENGTH, bounds=bounds))
    with Prefetch(opened, FRAME_BYTES) as frames:
        pieces = [central_piece(frame.rgb) for frame in frames]
        return extractor(pieces), frames.report
