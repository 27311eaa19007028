"""Listing: what a source found, and what it did not."""

from dataclasses import dataclass

import pyarrow as pa

from posebeam.pipelines.clip import ClipRef


@dataclass(frozen=True)
class Listing:
    """The clips of a SOURCE, sorted by clip_id, and everything a user should be told about the rest.

    missing    clips that a list names and that are not there, as it names them
    unlisted   clip ids in the folder that no list names: left alone
    ignored    files that are no video: left alone
    warnings   sentences for the user
    truth      what was annotated in images, a row an image (ground_truth.py), or None
    """

    refs: tuple[ClipRef, ...]
    missing: tuple[str, ...] = ()
    unlisted: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    truth: pa.Table | None = None
