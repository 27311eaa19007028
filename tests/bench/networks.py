"""Bare networks: pictures a second of every row of the table, at batch 1 and at the batch that is best here.

Made weights, normalised noise in memory, inference mode, fused attention: float32 on one core of the CPU, as a
graph where the row says so, else channels_last; half precision on a CUDA device where there is one. What a picture
costs is the row's input and counted multiply-adds (posebeam backbones).
"""

import time
from argparse import Namespace
from collections.abc import Callable, Iterator
from functools import partial

import measure

BATCHES = {"cpu": (1, 2, 4, 8), "cuda": (1, 8, 32, 128)}
DEAREST = {"cpu": 100e9, "cuda": 20e12}  # multiply-adds of a batch: a larger one would take minutes


def figures(given: Namespace) -> Iterator[measure.Figure]:
    """A figure a row and device."""
    measure.pin(1)
    import torch

    from posebeam.models.registry import rows

    torch.set_num_threads(1)
    devices = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
    for row in rows():
        if given.backbones and row.name not in given.backbones:
            continue
        for device in devices:
            yield _figure(row, device, given)
        if row.graph:
            yield _against_torch(row, given)


def _figure(row, device: str, given: Namespace) -> measure.Figure:  # type: ignore[no-untyped-def]
    """The best batch against batch 1, taking turns."""
    found = measure.alternate(given.rounds, _contestants(row, device, row.graph and device == "cpu", given))
    best = measure.fastest(found)
    note = f"{row.parameters:,} parameters, {row.macs / 1e9:.2f} GMAC, {measure.medians(found)}"
    what = f"bare {row.name}, {device}, batch {best}"
    return measure.Figure(what, "batch 1", "pictures/s", found[best], found["1"], note=note)


def _against_torch(row, given: Namespace) -> measure.Figure:  # type: ignore[no-untyped-def]
    """The graph that a row is on a CPU, picture by picture, against torch's best batch."""
    graph = _contestants(row, "cpu", True, given)["1"]
    found = measure.alternate(given.rounds, {"graph": graph, **_contestants(row, "cpu", False, given)})
    ours = found.pop("graph")
    best = measure.fastest(found)
    what, against = f"graph of {row.name}, cpu", f"torch, batch {best}"
    return measure.Figure(what, against, "pictures/s", ours, found[best], note=measure.medians(found))


def _contestants(row, device: str, graph: bool, given: Namespace) -> dict[str, Callable[[], float]]:  # type: ignore[no-untyped-def]
    """Pictures a second by the batch."""
    import torch

    from posebeam.models.graph import Graph
    from posebeam.models.registry import build_network

    form, network = torch.contiguous_format if graph else torch.channels_last, build_network(row.name)
    network = Graph(network) if graph else network.to(device, memory_format=form)
    batches = [size for size in BATCHES[device] if size == 1 or size * row.macs <= DEAREST[device]]
    images = torch.randn(max(batches), 3, *row.input, device=device).contiguous(memory_format=form)
    return {str(size): partial(_rate, network, images[:size], given.seconds / 10) for size in batches}


def _rate(network, images, seconds: float) -> float:  # type: ignore[no-untyped-def]
    """Pictures a second, over at least one pass and so many seconds."""
    import torch

    half = torch.autocast(images.device.type, torch.float16, enabled=images.is_cuda)
    pictures, started = 0, time.perf_counter()
    with torch.inference_mode(), half:
        while True:
            network(images)
            if images.is_cuda:
                torch.cuda.synchronize()
            pictures += len(images)
            if (taken := time.perf_counter() - started) >= seconds:
                return pictures / taken


if __name__ == "__main__":
    measure.main(figures)
