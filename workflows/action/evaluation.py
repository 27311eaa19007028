"""Evaluation: a trained model held against the rows of a data set: windows, or features of clips."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from posebeam.models.run_row import file_name
from posebeam.pipelines.publish import publish, publish_json, workspace
from posebeam.pipelines.row_group import Ints
from posebeam.pipelines.stores.address import address
from posebeam.transforms.errors import DataError
from posebeam.workflows.action.answers import Answers
from posebeam.workflows.action.metrics import Scores
from posebeam.workflows.action.samples import Reader
from posebeam.workflows.action.trained import Trained
from posebeam.workflows.run_folder import EVALUATION

_BATCH = 4096  # windows that are read at a time


def score_part(trained: Trained, reader: Reader, part: str) -> Scores:
    """Scores of the model on one part of a data set (see answer_part)."""
    return answer_part(trained, reader, part).scores


def answer_part(trained: Trained, reader: Reader, part: str) -> Answers:
    """What the model says of one part (train, validation, test) of a data set, whose classes are matched by name.

    The parts are those of the official split that the run was trained on. DataError if the data were made
    otherwise than what the model knows, the part has no windows, or a class is unknown to the model.
    """
    trained.made.refuse(reader.made, f"the model of {trained.folder}", str(reader.out))
    split, silent = int(trained.record["split"]), reader.silent
    rows = rows_of(trained, reader, part)
    if not len(rows):
        raise DataError(f"{reader.out} has no windows in its part {part!r} (split {split or 'of its files'})")
    label = _labels(trained, reader, reader.labels[rows])
    clip_ids, clip = np.unique(reader.clips[rows].astype(str), return_inverse=True)
    unsaid = None
    if silent is not None:
        own = _parts(trained, silent.parts(split), silent.groups, "validation" in reader.parts(split)) == part
        unsaid = _labels(trained, reader, silent.labels[own])
    pieces: list[NDArray[np.float32]] = [
        trained.probabilities(*reader.take(rows[first : first + _BATCH])) for first in range(0, len(rows), _BATCH)
    ]
    return Answers(
        trained.classes,
        np.concatenate(pieces),
        label,
        clip,
        clip_ids,
        reader.starts[rows],
        reader.people[rows],
        unsaid,
    )


def rows_of(trained: Trained, reader: Reader, part: str) -> Ints:
    """Numbers of the rows of a part (see answer_part)."""
    parts = reader.parts(int(trained.record["split"]))
    return np.flatnonzero(_parts(trained, parts, reader.groups, "validation" in parts, reader.clips) == part)


def _parts(
    trained: Trained, parts: NDArray[np.object_], groups: NDArray[np.object_], validates: bool,
    clips: NDArray[np.object_] | None = None,
) -> NDArray[np.object_]:  # fmt: skip
    """[n] parts of n rows or clips. Where the data set has no validation part of its own (validates), a run took
    groups of the training part for it, or clips."""
    taken = np.isin(groups.astype(str), trained.record["validation_groups"])
    if clips is not None and (own := trained.record.get("validation_clips")):
        taken |= np.isin(clips.astype(str), own)
    return parts if validates else np.where((parts == "train") & taken, "validation", parts)


def _labels(trained: Trained, reader: Reader, labels: Ints) -> Ints:
    """[n] labels of a data set as the model counts classes."""
    known = {name: index for index, name in enumerate(trained.classes)}
    strangers = [reader.classes[label] for label in np.unique(labels) if reader.classes[label] not in known]
    if strangers:
        raise DataError(
            f"{reader.out} has classes that the model of {trained.folder} was not trained on: "
            f"{', '.join(strangers[:5])}; it knows {', '.join(trained.classes[:20])}"
        )
    return np.array([known.get(name, -1) for name in reader.classes], np.int64)[labels]


def evaluate(trained: Trained, reader: Reader, part: str) -> tuple[dict[str, Any], Scores]:
    """The figures on one part of a data set, and the scores they come from (see answer_part).

    A backbone, or extractor of features, that is not the one of the training data is named in "backbone_switch".
    """
    answers = answer_part(trained, reader, part)
    scores = answers.scores
    ours, theirs = trained.made.source, reader.made.source
    result = {
        **scores.summary(),
        "part": part,
        "split": int(trained.record["split"]),
        "model": trained.record["model"],
        "backbone": theirs,
        "backbone_switch": None if ours == theirs else {"trained": ours, "evaluated": theirs},
        "manifest_sha256": reader.digest,
        "out": address(reader.out.absolute()),
        "per_class": scores.per_class(),
        "classes": list(scores.classes),
        "confusion": scores.clips.tolist(),
        "confusion_windows": scores.windows.tolist(),
        "calibration": answers.calibration(),
        "mistakes": answers.mistakes(),
    }
    return result, scores


def write_evaluation(trained: Trained, result: dict[str, Any], scores: Scores) -> str:
    """Write RUN/evaluation/<part>-<backbone>.json and .png; return their path without the suffix."""
    from posebeam.workflows.action.confusion import draw_confusion

    name = f"{EVALUATION}/{result['part']}-{file_name(result['backbone'])}"  # a data set may say anything
    title = f"{result['model']} on {result['part']}, {result['clip_accuracy']:.1%} of {result['clips']} clips"
    publish_json(result, trained.folder, f"{name}.json")
    with workspace(trained.folder) as private:
        draw_confusion(scores, title, private / "confusion.png")
        publish(private / "confusion.png", trained.folder / f"{name}.png")
    return name
