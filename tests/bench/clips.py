"""Clips: which videos of a folder take part, and copies of them where more are needed."""

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from posebeam.pipelines.clip import ClipRef
from posebeam.pipelines.decode import probe
from posebeam.pipelines.sources.videos import list_clips


def shortest_first(folder: Path) -> list[ClipRef]:
    """The folder's clips, all for training: a bench needs no test part."""
    refs = list_clips(folder).refs
    lengths = {ref.clip_id: probe(ref.uri) for ref in refs}
    usable = [replace(ref, split="train") for ref in refs if lengths[ref.clip_id]]
    return sorted(usable, key=lambda ref: (lengths[ref.clip_id], ref.clip_id))


def within(refs: Sequence[ClipRef], frames: float, least: int) -> list[ClipRef]:
    """As many of the first clips as hold that many frames, but at least so many clips if they are there."""
    chosen: list[ClipRef] = []
    for ref in refs:
        frames -= probe(ref.uri)
        if frames < 0 and len(chosen) >= least:
            break
        chosen.append(ref)
    return chosen


def spread(refs: Sequence[ClipRef], count: int) -> list[ClipRef]:
    """So many of the clips, from the first to the last at equal steps."""
    step = max(1.0, len(refs) / count)
    return [refs[int(step * number)] for number in range(min(count, len(refs)))]


def times(refs: Sequence[ClipRef], count: int) -> list[ClipRef]:
    """So many clips: the same files under other names once all have come."""
    turns = [(refs[number % len(refs)], number // len(refs)) for number in range(count)]
    return [replace(ref, clip_id=f"{turn}/{ref.clip_id}") for ref, turn in turns]


def copy(refs: Sequence[ClipRef], folder: Path, count: int) -> Path:
    """A folder train/<label>/<clip> of so many clips, with copies under other names once all have come."""
    for number in range(count):
        ref, turn = refs[number % len(refs)], number // len(refs)
        target = folder / "train" / ref.label / f"{turn}_{Path(ref.uri).name}"
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ref.uri, target)
    return folder
