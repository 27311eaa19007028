"""DataWindows: windows of a data set on a page: typical ones, the chain at work, those nearly alike."""

from collections.abc import Iterator

import numpy as np

from posebeam.pipelines.read import WindowReader
from posebeam.workflows.report.chain_steps import chain_steps
from posebeam.workflows.report.data_set import DataFigures
from posebeam.workflows.report.examples import Motion, motions
from posebeam.workflows.report.near_clips import MOST, NEAR, NEARER_THAN_MOTION, NearClips
from posebeam.workflows.report.place import Place
from posebeam.workflows.report.player import player
from posebeam.workflows.report.section import Block, Picture, Sheet, picture
from posebeam.workflows.report.strip import strip

_STRIPS = 24  # classes of which a window is shown
_NEAR, _NEAR_DRAWN = 30, 4  # pairs of clips in the table, and those that are drawn
_CHUNK = 4096  # windows that are read at a time


def strip_picture(motion: Motion, name: str, caption: str, classes: tuple[str, ...]) -> Picture:
    """A window as a strip beside its player."""
    return picture(strip(motion), name, caption, wide=True, classes=classes, player=player(motion))


def windows_block(data: DataFigures) -> Block:
    """For each class the window whose share of seen joints is the median: neither the best nor the worst."""
    reader = WindowReader(data.out)
    seen = np.concatenate(
        [
            reader.take(np.arange(at, min(at + _CHUNK, len(reader))))[1].mean((1, 2))
            for at in range(0, len(reader), _CHUNK)
        ]
    )
    labels = np.unique(reader.labels)[:_STRIPS].tolist()
    rows = []
    for label in labels:
        own = np.flatnonzero(reader.labels == label)
        rows.append(int(own[np.argsort(seen[own], kind="stable")[len(own) // 2]]))
    places, names = [Place.of(reader, row) for row in rows], [reader.classes[label] for label in labels]
    pictures = [
        strip_picture(motion, f"{data.name}: a window of {name}", _caption(name, place), (name,))
        for name, place, motion in zip(names, places, motions(data.out, places), strict=True)
        if motion
    ]
    text = (
        "A typical window of each class: the one with as many joints seen as the median. The person's left is "
        "blue, the right orange; numbers are the frames'. The player keeps the person's way through the picture."
    )
    return Block("Windows", text, pictures=pictures, strips=True)


def _caption(label: str, place: Place) -> str:
    return f"{label}: {place.clip_id}, from frame {place.start}"


def steps_block(data: DataFigures) -> Block:
    """The chain at work."""
    *stills, (text, moving) = chain_steps(data.out)
    pictures = [picture(figure, f"{data.name}: {told}", told) for told, figure in stills]
    pictures.append(picture(moving, f"{data.name}: {text}", text, wide=True))
    about = "The middle frame of the window in which, of those with the most joints seen, they move most."
    return Block("The chain, step by step", about, pictures=pictures, small=True)


def near_block(data: DataFigures) -> Iterator[Block]:
    """Clips that may be copies of each other on both sides of a split."""
    near = data.near
    if near is None or not near.asked:
        return
    rows = [
        (
            pair.label, f"{pair.distance:.3f}", f"{pair.motion:.2f}", pair.windows,
            pair.parts[0], pair.a.clip_id, pair.parts[1], pair.b.clip_id,
        )
        for pair in near.found[:_NEAR]
    ]  # fmt: skip
    header = ("class", "distance", "motion", "windows", "part", "clip", "part", "like")
    table = Sheet(header, rows, (1, 2, 3), by_class=True) if rows else None
    yield Block("Nearly alike across splits", _near_text(near), table, _near_pictures(data, near), strips=True)


def _near_text(near: NearClips) -> str:
    found = len(near.found)
    told = f"Pairs of clips that may show the same: {found}. Look at them." if found else "No two clips are alike."
    return (
        f"{told} Compared: {near.asked:,} windows of the test and validation parts with those of the other parts, "
        f"of the same class and another group ({near.held:,} in all; at most {MOST:,} a part, evenly drawn). "
        f"Nearly alike: joints at most {NEAR:g} of the person's size apart over half a window (root mean square), "
        f"and less than {NEARER_THAN_MOTION:g} of how far they go, because all who stand still look alike. "
        "Mirrored copies are not found."
    )


def _near_pictures(data: DataFigures, near: NearClips) -> list[Picture]:
    """The nearest pairs, one above the other."""
    pictures = []
    for number, pair in enumerate(near.found[:_NEAR_DRAWN], 1):
        pair_motions = motions(data.out, [pair.a, pair.b])
        for place, part, motion in zip((pair.a, pair.b), pair.parts, pair_motions, strict=True):
            if motion:
                caption = f"Pair {number}, {part}: {_caption(pair.label, place)}"
                name = f"{data.name}: pair {number}, {part}, {place.clip_id}"
                pictures.append(strip_picture(motion, name, caption, (pair.label,)))
    return pictures
