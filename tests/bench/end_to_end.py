"""End to end against the bare network: frames/s of every backbone with embedded weights, one core, one thread.

End to end is a worker's way with a shard (shards.py): decode, crop, network, decode maps, follow, windows,
Parquet, sha256. The bare network has the same core and its inputs, float32 and cropped, ready in memory
(bare.py). A graph looks at picture after picture, in whatever batch; of torch the best form counts: chunks of two
and four as models/batch.py takes them, and batches of 32.
"""

from argparse import Namespace
from collections.abc import Iterator
from functools import partial

import measure

FRAMES = 64  # in memory, for the bare network
LEAST = 16  # clips: so many keep four in step, and chunks full to the shard's end


def figures(given: Namespace) -> Iterator[measure.Figure]:
    """A figure a backbone."""
    measure.pin(1)
    import torch

    from posebeam.models.registry import rows

    torch.set_num_threads(1)
    embedded = [row.name for row in rows() if row.weights and row.weights.embedded]
    for name in given.backbones or embedded:
        yield _figure(name, given)


def _figure(name: str, given: Namespace) -> measure.Figure:
    from bare import Bare
    from clips import shortest_first, within
    from shards import Builder

    refs = shortest_first(given.clips)
    builder = Builder(name)
    bare = Bare.of_clips(builder.estimator, refs[:LEAST], FRAMES)
    chosen = within(refs, bare.rate(2, 1.0) * given.seconds, LEAST)
    # Of one thing measured three times the best is luck.
    batches = {"pictures": 4} if bare.a_graph else {"chunks of 2": 2, "chunks of 4": 4, "batches of 32": 32}
    contestants = {
        "end to end": lambda: builder.rate(chosen),
        **{form: partial(bare.rate, size, given.seconds / 2) for form, size in batches.items()},
    }
    found = measure.alternate(given.rounds, contestants)
    ours = found.pop("end to end")
    note = f"{len(chosen)} clips; bare in {measure.medians(found)}"
    best = found[measure.fastest(found)]
    return measure.Figure(f"end to end, {name}", "bare network", "frames/s", ours, best, least=0.9, note=note)


if __name__ == "__main__":
    measure.main(figures)
