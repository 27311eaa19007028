"""Opening: a clip's frames, decoded ahead; an image is a clip of one frame."""

from functools import partial

from posebeam.models.clip_features import LENGTH
from posebeam.pipelines.clip import ClipRef
from posebeam.pipelines.decode import open_clip, probe
from posebeam.pipelines.job import Job
from posebeam.pipelines.prefetch import Prefetch
from posebeam.pipelines.sources.videos import SUFFIXES as VIDEOS
from posebeam.pipelines.stills.still import open_still


def open_frames(job: Job, byte_budget: int, ref: ClipRef) -> Prefetch:
    """The frames of a clip, as the settings want them."""
    poses = job.settings.poses
    if is_still(job, ref):
        return Prefetch(partial(open_still, ref.uri, poses.bounds), byte_budget, job.stall_seconds)
    opened = partial(open_clip, ref.uri, fps=poses.fps or None, most=_most(job), bounds=poses.bounds)
    return Prefetch(opened, byte_budget, job.stall_seconds)


def _most(job: Job) -> int | None:
    """The most frames that anybody looks at: the first ones, where nothing but features is wanted of clips."""
    poses = job.settings.poses
    return LENGTH if poses.features and not poses.has_poses else None


def length_of(job: Job, ref: ClipRef) -> int:
    """Frames of a clip as its header counts them, before any are left out; 1 of an image."""
    return 1 if is_still(job, ref) else probe(ref.uri)


def is_still(job: Job, ref: ClipRef) -> bool:
    """Whether the clip is an image: among images only what is called like a video is one."""
    return job.settings.poses.stills and not ref.uri.lower().endswith(VIDEOS)
