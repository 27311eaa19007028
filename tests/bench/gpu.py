"""On a CUDA device: frames/s of every backbone end to end and of the bare network, at batches of 1, 32 and 256.

The bare network has its inputs on the device; as in end_to_end.py otherwise. Decoding alone, one thread, stands
in the note: end to end cannot be faster than the threads that decode.
"""

import time
from argparse import Namespace
from collections.abc import Iterator

import measure

BATCHES = (1, 32, 256)
LEAST, MOST = 8, 256  # clips


def figures(given: Namespace) -> Iterator[measure.Figure | measure.Skipped]:
    """A figure a backbone and batch."""
    import torch

    from posebeam.models.registry import rows

    if not torch.cuda.is_available():
        yield measure.Skipped("frames/s on a GPU", "torch sees no CUDA device")
        return
    embedded = [row.name for row in rows() if row.weights and row.weights.embedded]
    for name in given.backbones or embedded:
        for batch in BATCHES:
            yield _figure(name, batch, given)


def _figure(name: str, batch: int, given: Namespace) -> measure.Figure:
    from bare import Bare
    from clips import shortest_first, times
    from shards import Builder

    refs = times(shortest_first(given.clips), max(LEAST, min(8 * batch, MOST)))
    builder = Builder(name, "cuda", batch)
    bare = Bare.of_clips(builder.estimator, refs, batch)
    contestants = {
        "end to end": lambda: builder.rate(refs),
        "bare": lambda: bare.rate(batch, given.seconds / 4),
    }
    found = measure.alternate(given.rounds, contestants)
    note = f"{len(refs)} clips; decoding alone, one thread: {_decoding(refs[:LEAST]):,.0f} frames/s"
    what = f"on a GPU, {name}, batch {batch}"
    return measure.Figure(what, "bare network", "frames/s", *found.values(), note=note)


def _decoding(refs: list) -> float:
    from posebeam.pipelines.decode import open_clip

    started = time.perf_counter()
    frames = sum(1 for ref in refs for _ in open_clip(ref.uri))
    return frames / (time.perf_counter() - started)


if __name__ == "__main__":
    measure.main(figures)
