"""Whereabouts: where the videos of a data set lie. They go to run.json: the data themselves name no machine."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from posebeam.pipelines.clip import ClipRef
from posebeam.pipelines.runs import read_runs
from posebeam.pipelines.stores.address import address
from posebeam.transforms.errors import SourceError


def whereabouts(refs: Sequence[ClipRef]) -> dict[str, Any]:
    """For run.json: the folder that clip ids count from, and the uris of clips that lie elsewhere."""
    roots = Counter(root for ref in refs if (root := _root(ref)))
    source = min(roots, key=lambda root: (-roots[root], root)) if roots else ""
    elsewhere = {ref.clip_id: ref.uri for ref in refs if not source or _root(ref) != source}
    return {"source": source, "elsewhere": elsewhere}


def _root(ref: ClipRef) -> str:
    """The folder from which the clip's id leads to its file; "" if none does."""
    return ref.uri.removesuffix(f"/{ref.clip_id}") if ref.uri.endswith(f"/{ref.clip_id}") else ""


def last_whereabouts(out: Path) -> dict[str, Any]:
    """As the last run that knew them left them in OUT; empty if none did."""
    for run in reversed(read_runs(out)):
        if "source" in run:
            return {"source": str(run["source"]), "elsewhere": dict(run["elsewhere"])}
    return {}


def find_video(out: Path, clip_id: str, source: Path | None = None) -> str:
    """The uri of a clip's video: below `source`, or else where the last build of OUT found it.

    source may be the path that stands for a folder in a store. SourceError, saying where it was looked for, if no
    file is there. URLs are not looked after.
    """
    known = last_whereabouts(out)
    if source is None and not known:
        raise SourceError(
            f"{out} does not say where its videos lie: name the folder that clip ids count from with --source"
        )
    found = known["elsewhere"].get(clip_id) if known else ""
    uri = address(source / clip_id) if source else found or f"{known['source']}/{clip_id}"
    if "://" not in uri and not Path(uri).is_file():
        told = "" if source else "; if the folder was moved, name it with --source"
        raise SourceError(f"{uri} is no file: the video of {clip_id} is not there{told}")
    return uri
