"""The way of many references from a folder to a manifest, with decoder and network left out: is it linear?

Each number of references is a process of its own, so that its peak of memory is its own: a folder of so many empty
files is listed, planned, built (every clip gives one frame of 2 x 2 pixels with nobody in it), put together, and
built again, which finds everything finished. The step beam is the graph with shards that nobody builds: what the
local runner itself takes. A row is a step's processor time for a reference against that of the number before; 1
means linear. All figures of each number stand in .bench/scale.json too.
"""

import json
import resource
import subprocess
import sys
import tempfile
import time
from argparse import Namespace
from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import measure
import numpy as np

LABELS = 700  # as Kinetics-700 has
MOST = 1.5  # what a reference may cost more among ten times as many: sorting, caches of the file system
FILE = "scale.json"


class NobodyEstimator:
    """Sees nobody, for nothing."""

    name, min_score, several, device_kind, halvings, wants_hints = "stub", 0.2, False, "cpu", 0, True

    def __init__(self, batch_size: int):
        from posebeam.transforms.skeleton import skeleton

        self.skeleton, self.batch_size = skeleton("coco17"), batch_size

    def __call__(self, frames: Sequence[np.ndarray], hints: Sequence[Hashable | None]) -> list[Any]:
        from posebeam.transforms.people import People

        return [People.nobody("coco17")] * len(frames)

    def next_hint(self, people: Any, size: tuple[int, int]) -> Hashable | None:
        return None


class OneFrame:
    """A clip of one frame that no decoder was asked for."""

    def __init__(self, *_: object):
        from posebeam.pipelines.decode import DecodeReport, Frame

        self._frames = iter([Frame(0, 0.0, np.zeros((2, 2, 3), np.uint8))])
        self.report = DecodeReport(1, 1, 25.0, 2, 2, ())

    def __next__(self) -> Any:
        return next(self._frames)

    def close(self) -> None:
        """Nothing is open."""


def stub() -> None:
    """No decoder and no network in this process from now on."""
    from posebeam.pipelines import build, product

    class StubJob(build.Job):
        """A job that loads nobody."""

        def load_estimator(self) -> NobodyEstimator:
            return NobodyEstimator(self.settings.poses.batch_size)

    build.Job, product.open_frames = StubJob, OneFrame
    product.longest_first = lambda job, refs, stock: list(refs)


def make_files(folder: Path, references: int) -> None:
    """Empty videos, laid out and named as Kinetics' are."""
    for label in range(min(LABELS, references)):
        (folder / f"some action number {label}").mkdir(parents=True)
    for n in range(references):
        name = f"{n * 2654435761 % 2**32:08x}abc_{n % 600:06d}_{n % 600 + 10:06d}.mp4"
        (folder / f"some action number {n % LABELS}" / name).touch()


class Steps:
    """Seconds, those of the processor, and memory of the steps, by their names."""

    def __init__(self) -> None:
        self.seconds: Counter[str] = Counter()
        self.processor: Counter[str] = Counter()
        self.peak: dict[str, int] = {}

    def watch(self, owner: Any, name: str, step: str) -> None:
        """From now on the owner's function counts as a step; steps of one name are added up."""
        setattr(owner, name, self.timed(getattr(owner, name), step))

    def timed(self, function: Callable[..., Any], step: str) -> Callable[..., Any]:
        """The function, which counts as a step."""

        def call(*args: Any, **options: Any) -> Any:
            started, busy = time.perf_counter(), time.process_time()
            try:
                return function(*args, **options)
            finally:
                self.seconds[step] += time.perf_counter() - started
                self.processor[step] += time.process_time() - busy
                self.peak[step] = peak()

        return call


def only_beam(listing: Any, settings: Any, out: Path) -> None:
    """References through the graph to shards that nobody builds."""
    from posebeam.pipelines import build, estimate
    from posebeam.pipelines.engines.runner import pipeline_options, run_graph
    from posebeam.pipelines.graph import BuildShards
    from posebeam.pipelines.plan import make_plan
    from posebeam.pipelines.receipt import Receipt

    plan, shards = make_plan(listing, settings)
    build_shard = estimate.build_shard
    estimate.build_shard = lambda job, name, refs, *_: Receipt(str(name), "", "", len(refs), 0)
    run_graph(BuildShards(build.Job.of(plan, out, "", ""), shards), pipeline_options(1, []))
    estimate.build_shard = build_shard


def peak() -> int:
    """Bytes that this process held at most so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def one(references: int) -> dict[str, Any]:
    """List, plan, build, build again: the figures of a number of references."""
    from posebeam.pipelines import build as building
    from posebeam.pipelines import manifest as manifests
    from posebeam.pipelines.settings import PoseSettings, Settings
    from posebeam.pipelines.sources.videos import list_clips
    from posebeam.transforms.windows import WindowRule

    stub()
    steps, before = Steps(), peak()
    poses = PoseSettings("videos", "movenet-lightning", "0" * 64, batch_size=8)
    settings = Settings(poses, WindowRule(min_score=0.2))
    with tempfile.TemporaryDirectory(prefix="bench-") as place:
        source, out = Path(place) / "source", Path(place) / "out"
        make_files(source, references)
        listing = steps.timed(list_clips, "listing")(source)
        steps.timed(only_beam, "beam")(listing, settings, out)
        steps.watch(building, "make_plan", "plan")
        steps.watch(building, "write_plan", "plan")
        steps.watch(building, "run_graph", "graph")
        steps.watch(building, "write_card", "card")
        steps.watch(manifests, "read_receipts", "receipts")
        for name in ("make_manifest", "write_manifest"):
            steps.watch(manifests, name, "manifest")
        built = steps.timed(building.build, "build")(listing, settings, out)
        whole = {"seconds": dict(steps.seconds), "processor": dict(steps.processor), "peak": dict(steps.peak)}
        again = Steps()
        again.timed(building.build, "again")(listing, settings, out)
        sizes = {name: (out / name).stat().st_size for name in ("plan.json", "manifest.json", "README.md")}
        assert built.manifest["clips"]["built"] == references
    return {
        "references": references, "shards": len(built.receipts), "bytes": sizes,
        **{name: values | dict(vars(again)[name]) for name, values in whole.items()}, "before": before,
    }  # fmt: skip


def measured(references: int) -> dict[str, Any]:
    """The same in a process of its own."""
    done = subprocess.run(
        [sys.executable, __file__, "--one", str(references)], stdout=subprocess.PIPE, text=True, check=True
    )
    return dict(json.loads(done.stdout.splitlines()[-1]))


def figures(given: Namespace) -> Iterator[measure.Figure]:
    """A figure for each step, and for memory, of each number of references against the one before."""
    found = [measured(references) for references in given.references]
    measure.PLACE.mkdir(exist_ok=True)
    (measure.PLACE / FILE).write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    for few, many in pairwise(found):
        what, against = f"{many['references']:,} references", f"{few['references']:,}"
        for step in many["processor"]:
            costs = [(1e6 * each["processor"][step] / each["references"],) for each in (many, few)]
            yield measure.Figure(f"{step}, {what}", against, "us each", *costs, most=MOST)
        held = [((each["peak"]["again"] - each["before"]) / each["references"],) for each in (many, few)]
        yield measure.Figure(f"memory, {what}", against, "bytes each", *held, most=MOST)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        print(json.dumps(one(int(sys.argv[2]))))
    else:
        measure.main(figures)
