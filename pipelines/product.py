"""Products of a shard: frames to people to rows to files to a receipt."""

from collections.abc import Sequence
from functools import partial

from posebeam.models.estimator import Estimator
from posebeam.models.frame_features import FrameFeatures
from posebeam.pipelines.clip import ClipRef
from posebeam.pipelines.fill import Fill, slots_for
from posebeam.pipelines.job import Job
from posebeam.pipelines.lockstep import Event, Failed, Seen, lockstep
from posebeam.pipelines.opening import longest_first, open_frames
from posebeam.pipelines.product_file import publish_product
from posebeam.pipelines.progress import Reporter
from posebeam.pipelines.publish import workspace
from posebeam.pipelines.receipt import Receipt
from posebeam.pipelines.shard import ShardName
from posebeam.pipelines.shard_rows import ShardRows
from posebeam.pipelines.stores.stock import Stock


def build_shard(
    job: Job, name: ShardName, refs: Sequence[ClipRef], estimator: Estimator, reporter: Reporter,
    extractor: FrameFeatures | None = None,
) -> Receipt:  # fmt: skip
    """Decode, estimate, window and write one shard; its receipt is written last and returned."""
    out, settings = job.folder, job.settings
    slots = slots_for(len(refs), settings.poses.batch_size, 2 if estimator.device_kind == "cuda" else 1)
    share = job.frame_bytes // (2 * slots)
    networks: list[Estimator | FrameFeatures] = [estimator, *([extractor] if extractor else [])]
    fill, halvings = Fill(), sum(each.halvings for each in networks)
    with workspace(out) as folder, Stock() as stock:
        rows = ShardRows(job, folder, estimator, extractor)
        opened = partial(open_frames, job, share, stock)
        events = lockstep(longest_first(job, refs, stock), opened, estimator, slots, fill)
        for event in events:
            rows.take(event)
            _report(event, reporter)
        files = tuple(publish_product(out, folder, name, *product) for product in rows.products())
    outcome = rows.outcome
    receipt = Receipt(
        shard=str(name),
        plan=job.plan_hash,
        refs=job.refs[str(name)],
        built=outcome.built,
        rejected=len(outcome.rejected),
        frames=outcome.frames,
        steps=fill.steps,
        slots=fill.slots,
        not_finite=outcome.not_finite,
        halvings=sum(each.halvings for each in networks) - halvings,
        warnings=tuple(sorted(outcome.warnings)),
        files=files,
    )
    receipt.write(out)
    reporter.count("shards")
    return receipt


def _report(event: Event, reporter: Reporter) -> None:
    if isinstance(event, Seen):
        reporter.count("frames")
    else:
        reporter.count("clips")
        reporter.count("rejected", int(isinstance(event, Failed)))
