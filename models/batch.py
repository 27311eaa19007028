"""Batch: a network run over any number of items in chunks of one fixed size.

The only place of autocast, channels_last, pinned transfer, retries for lack of memory, outputs not finite.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from posebeam.models.allocator import keep_freed
from posebeam.models.graph import Graph
from posebeam.transforms.errors import ConfigError

Item = TypeVar("Item")


class Batch:
    """Runs prepare, network and decode on chunks of `chunk` items; the last chunk is filled up with zeros.

    So the network sees one shape in a call, and what it says of an item does not depend, to the last bit, on
    its place or its neighbours, nor on how many they are from a chunk upwards. A graph (models/graph.py) looks at
    each item by itself: nothing is filled up for it. halvings counts retries for lack of memory: the chunk is
    halved for the call that needs it and no longer, so that what one shard suffered does not touch the next.
    """

    def __init__(self, network: nn.Module, device: torch.device, batch_size: int, chunk: int = 2):
        """chunk: pictures that a CPU core takes at a time, as the network's row says."""
        if batch_size < 1:
            raise ConfigError(f"batch size {batch_size}: expected at least 1")
        self.network = network.eval().to(device).to(memory_format=torch.channels_last)
        self.device = device
        self._fills = not any(isinstance(part, Graph) for part in network.modules())
        if device.type == "cpu":
            keep_freed()
        self.chunk = batch_size if device.type == "cuda" else min(batch_size, chunk)
        self.halvings = 0

    def __call__(
        self,
        items: Sequence[Item],
        prepare: Callable[[Sequence[Item]], Tensor],
        decode: Callable[[Any], Tensor],
        among: int = 0,
    ) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """What decode made of the n >= 1 items [n, ...], and whether the network's outputs were finite [n].

        prepare gives [b, C, H, W] on the device for b items; decode takes what the network returns. among: the
        items are those of one size among so many, and the chunk is as if all had it. Raises what the allocator
        raised if not even one item fits into memory.
        """
        chunk = min(self.chunk, max(len(items), among))
        while (done := self._attempt(items, chunk, prepare, decode)) is None:
            chunk //= 2
            self.halvings += 1
            if self.device.type == "cuda":
                torch.cuda.empty_cache()
        decoded, finite = (torch.cat(parts).cpu().numpy() for parts in zip(*done, strict=True))
        return decoded, finite

    def by_size(
        self,
        items: Sequence[Item],
        size_of: Callable[[Item], tuple[int, int]],
        prepare: Callable[[tuple[int, int], Sequence[Item]], Tensor],
        decode: Callable[[Any], Tensor],
    ) -> list[tuple[NDArray[np.float32], np.bool_]]:
        """The same of items of several sizes (h, w), which prepare is told: decoded [...] and finite of each."""
        groups: dict[tuple[int, int], list[int]] = {}
        for index, item in enumerate(items):
            groups.setdefault(size_of(item), []).append(index)
        found: dict[int, tuple[NDArray[np.float32], np.bool_]] = {}
        for size, indices in groups.items():
            part = [items[index] for index in indices]
            results = self(part, partial(prepare, size), decode, among=len(items))
            found.update(zip(indices, zip(*results, strict=True), strict=True))
        return [found[index] for index in range(len(items))]

    def _attempt(
        self,
        items: Sequence[Item],
        chunk: int,
        prepare: Callable[[Sequence[Item]], Tensor],
        decode: Callable[[Any], Tensor],
    ) -> list[tuple[Tensor, Tensor]] | None:
        """Decoded outputs [b, ...] and finite [b] of each chunk; None if a chunk did not fit into memory."""
        done = []
        try:
            for start in range(0, len(items), chunk):
                part = items[start : start + chunk]
                decoded, finite = self._forward(prepare(part), chunk, decode)
                done.append((decoded[: len(part)], finite[: len(part)]))
        except (RuntimeError, MemoryError) as error:
            if chunk == 1 or not lacks_memory(error):
                raise
            return None
        return done

    @torch.inference_mode()
    def _forward(self, x: Tensor, chunk: int, decode: Callable[[Any], Tensor]) -> tuple[Tensor, Tensor]:
        """Images [b, C, H, W], b <= chunk, to decoded outputs [b or chunk, ...] and finite of as many."""
        if self._fills and len(x) < chunk:
            x = F.pad(x, (0, 0, 0, 0, 0, 0, 0, chunk - len(x)))
        if self._fills:
            x = x.contiguous(memory_format=torch.channels_last)
        raw = self._in_half(x) if self.device.type == "cuda" else self.network(x)
        return decode(raw).float(), all_finite(raw)

    def _in_half(self, x: Tensor) -> Any:
        """On CUDA half precision moves joints by 0.03 pixels (median); bfloat16 would move them by a pixel."""
        flags = torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True)
        with torch.autocast("cuda", torch.float16), flags:
            return self.network(x)


def all_finite(raw: Any) -> Tensor:
    """bool [b]: whether all that a network says of an item is finite; raw is tensors [b, ...], nested."""
    return _total(raw).isfinite()


def _total(raw: Any) -> Tensor:
    """float32 [b]: the sum of all that is said of an item, finite where all its terms are; it takes one pass."""
    if isinstance(raw, Tensor):
        return raw.sum(tuple(range(1, raw.ndim)), dtype=torch.float32)
    parts = raw.values() if isinstance(raw, dict) else raw
    return torch.stack([_total(part) for part in parts]).sum(0)


def lacks_memory(error: Exception) -> bool:
    """Whether an allocator failed: CUDA's and numpy's errors have types, torch's and onnxruntime's on the CPU only
    a message."""
    said = "DefaultCPUAllocator", "Failed to allocate memory"
    return isinstance(error, (torch.OutOfMemoryError, MemoryError)) or any(words in str(error) for words in said)


def upload(array: NDArray[Any], device: torch.device) -> Tensor:
    """A tensor on the device; to CUDA through pinned memory, without waiting."""
    tensor = torch.from_numpy(array)
    return tensor.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else tensor
