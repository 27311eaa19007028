"""Source: which clips a command works on, and what a person is told of the rest."""

from collections.abc import Sequence
from pathlib import Path

from posebeam.pipelines.limit import limited
from posebeam.pipelines.listing import Listing
from posebeam.pipelines.sources import coco, images, manifest, ucf101, videos
from posebeam.transforms.errors import SourceError
from posebeam.workflows.console import say


def list_clips(
    kind: str, source: Path, *, split: int, group: str, seed: int, limit: int, allow_missing: bool,
    annotations: str = "",
) -> Listing:  # fmt: skip
    """The clips of SOURCE, at most `limit` of them (0: all); what is missing or strange is said.

    split concerns ucf101; group and seed videos and manifest; annotations coco and coco-images. SourceError if
    listed clips are absent, unless allow_missing.
    """
    listing = _listed(kind, source, split, group, seed, annotations)
    for text in listing.warnings:
        say(f"note: {text}")
    _say_some("clips listed but absent", listing.missing)
    _say_some("clips present but unlisted", listing.unlisted)
    _say_some("files of other kinds, left alone", listing.ignored)
    if listing.missing and not allow_missing:
        raise SourceError(
            f"{len(listing.missing):,} of the clips that the lists name are absent from {source}: "
            "complete it, or build what is there with --allow-missing"
        )
    return limited(listing, limit)


def labels_of(kind: str, source: Path, *, limit: int = 0) -> set[str]:
    """The labels of the clips of SOURCE, of which nothing is said."""
    return {ref.label for ref in limited(_listed(kind, source), limit).refs}


def _listed(
    kind: str, source: Path, split: int = 1, group: str = "", seed: int = 0, annotations: str = ""
) -> Listing:
    return {
        "ucf101": lambda: ucf101.list_clips(source, split=split),
        "videos": lambda: videos.list_clips(source, group=group or None, seed=seed),
        "manifest": lambda: manifest.list_clips(source, group=group or None, seed=seed),
        "coco": lambda: coco.list_clips(source, annotations=annotations),
        "coco-images": lambda: coco.list_clips(source, annotations=annotations),
        "images": lambda: images.list_clips(source),
    }[kind]()


def _say_some(what: str, names: Sequence[str]) -> None:
    if names:
        say(f"{len(names):,} {what}: {', '.join(names[:3])}{' ...' if len(names) > 3 else ''}")
