"""Bare: a backbone's network alone, on what the estimator would have given it, ready in memory."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from posebeam.models.backbone import Backbone
from posebeam.models.graph import Graph
from posebeam.pipelines.clip import ClipRef
from posebeam.pipelines.decode import open_clip
from posebeam.pipelines.fill import slots_for
from posebeam.pipelines.lockstep import lockstep
from posebeam.pipelines.prefetch import Prefetch


class Bare:
    """The very network of an estimator, with the very tensors that it was given for some clips' frames.

    On the CPU it runs as models/batch.py runs it: as a graph where the row says so, else channels_last;
    inference_mode, eval; on CUDA in half precision as there. The tensors are cut into batches beforehand.
    """

    def __init__(self, estimator: Backbone, seen: Tensor):
        self._network: nn.Module = estimator.network
        self._cuda = estimator.device_kind == "cuda"
        self._seen = seen

    @classmethod
    def of_clips(cls, estimator: Backbone, refs: Sequence[ClipRef], frames: int) -> "Bare":
        """On the first inputs of one shape [frames, 3, h, w] that the loop gives to the network."""
        slots = slots_for(len(refs), estimator.batch_size)
        events = lockstep(refs, lambda ref: Prefetch(partial(open_clip, ref.uri), 8 << 20), estimator, slots)
        with _looking(estimator.network) as seen:
            for _ in events:
                if sum(map(len, seen)) >= frames:
                    break
            events.close()
        return cls(estimator, torch.cat(seen)[:frames])

    @classmethod
    def of_people(
        cls, estimator: Backbone, frames: Sequence[NDArray[np.uint8]], boxes: Sequence[NDArray[np.float64]]
    ) -> "Bare":
        """On the pieces [n, 3, h, w] of all boxes in frames."""
        with _looking(estimator.network) as seen:
            estimator.in_boxes(frames, boxes)
        return cls(estimator, torch.cat(seen)[: sum(map(len, boxes))])

    @property
    def a_graph(self) -> bool:
        """Whether the network takes picture after picture, however many it is given."""
        return isinstance(self._network, Graph)

    def rate(self, batch: int, seconds: float) -> float:
        """Frames a second in batches of `batch`, through all tensors until `seconds` are over."""
        form = torch.contiguous_format if self.a_graph else torch.channels_last
        parts = [part.contiguous(memory_format=form) for part in self._seen.split(batch)]
        parts = [part for part in parts if len(part) == batch] or parts
        frames, started = 0, time.perf_counter()
        while True:
            for part in parts:
                self._forward(part)
                frames += len(part)
            if self._cuda:
                torch.cuda.synchronize()
            taken = time.perf_counter() - started
            if taken >= seconds:
                return frames / taken

    @torch.inference_mode()
    def _forward(self, x: Tensor) -> None:
        with torch.autocast(x.device.type, torch.float16, enabled=self._cuda):
            self._network(x)


@contextmanager
def _looking(network: nn.Module) -> Iterator[list[Tensor]]:
    """Collects what a network is given, of one shape, while it lasts."""
    seen: list[Tensor] = []

    def look(_: nn.Module, given: tuple[Tensor]) -> None:
        if not seen or given[0].shape[1:] == seen[0].shape[1:]:
            seen.append(given[0].clone())

    hook = network.register_forward_pre_hook(look)
    try:
        yield seen
    finally:
        hook.remove()
