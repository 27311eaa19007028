"""Opening: a clip's frames, decoded ahead; an image is a clip of one frame."""

from collections.abc import Sequence
from functools import partial

from posebeam.models.clip_features import LENGTH
from posebeam.pipelines.clip import ClipRef
from posebeam.pipelines.decode import open_clip, probe
from posebeam.pipelines.job import Job
from posebeam.pipelines.prefetch import Prefetch
from posebeam.pipelines.sources.videos import SUFFIXES as VIDEOS
from posebeam.pipelines.stills.still import open_still
from posebeam.pipelines.stores.stock import Stock


def open_frames(job: Job, byte_budget: int, stock: Stock, ref: ClipRef) -> Prefetch:
    """The frames of a clip, as the settings want them."""
    poses = job.settings.poses
    if is_still(job, ref):
        opened = stock.opener(ref.uri, partial(open_still, bounds=poses.bounds))
    else:
        open_fn = partial(open_clip, fps=poses.fps or None, most=_most(job), bounds=poses.bounds)
        opened = stock.opener(ref.uri, open_fn)
    return Prefetch(opened, byte_budget, job.stall_seconds)


def _most(job: Job) -> int | None:
    """The most frames that anybody looks at: the first ones, where nothing but features is wanted of clips."""
    poses = job.settings.poses
    return LENGTH if poses.features and not poses.has_poses else None


def longest_first(job: Job, refs: Sequence[ClipRef], stock: Stock) -> list[ClipRef]:
    """Clips by their frames as their headers count them, before any are left out, then by id; an image has one."""
    videos = [ref for ref in refs if not is_still(job, ref)]
    lengths = dict(zip(videos, stock.lengths([ref.uri for ref in videos], probe), strict=True))
    return sorted(refs, key=lambda ref: (-lengths.get(ref, 1), ref.clip_id))


def is_still(job: Job, ref: ClipRef) -> bool:
    """Whether the clip is an image: among images only what is called like a video is one."""
    return job.settings.poses.stills and not ref.uri.lower().endswith(VIDEOS)
