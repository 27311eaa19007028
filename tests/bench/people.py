"""People: a second, of the whole estimator in given boxes against its bare network on people already cropped.

Every top-down row, made weights: what a network says costs the same to read whoever taught it. Pieces are cut,
normalised, shown, maps or queries read, joints brought back to the frame; one core, one thread.
"""

import time
from argparse import Namespace
from collections.abc import Iterator

import measure

PEOPLE = 8  # in a call


def figures(given: Namespace) -> Iterator[measure.Figure]:
    """A figure a row."""
    measure.pin(1)
    import torch

    from posebeam.models.registry import rows

    torch.set_num_threads(1)
    for row in rows():
        if row.view == "top-down" and (not given.backbones or row.name in given.backbones):
            yield _figure(row, given)


def _figure(row, given: Namespace) -> measure.Figure:  # type: ignore[no-untyped-def]
    from bare import Bare
    from boxes import frames_with_boxes

    from posebeam.models.assembly import estimator_of
    from posebeam.models.device import choose_device
    from posebeam.models.registry import build_network, load_detector

    estimator = estimator_of(
        row,
        build_network(row.name),
        choose_device("cpu"),
        detector=load_detector("movenet-multipose", device="cpu"),
    )
    frames, boxes = frames_with_boxes(given.clips, PEOPLE)
    bare = Bare.of_people(estimator, frames, boxes)
    seconds = given.seconds / 5

    def whole() -> float:
        people, started = 0, time.perf_counter()
        while (taken := time.perf_counter() - started) < seconds:
            estimator.in_boxes(frames, boxes)
            people += PEOPLE
        return people / taken

    contestants = {"whole": whole} | {
        f"chunks of {size}": lambda size=size: bare.rate(size, seconds) for size in (2, PEOPLE)
    }
    found = measure.alternate(given.rounds, contestants)
    ours = found.pop("whole")
    best = found[measure.fastest(found)]
    note = f"bare in {measure.medians(found)}"
    return measure.Figure(
        f"people in boxes, {row.name}", "bare network", "people/s", ours, best, least=0.9, note=note
    )


if __name__ == "__main__":
    measure.main(figures)
