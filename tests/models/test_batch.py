"""Batches with stub networks: lack of memory, outputs not finite, neighbours."""

import numpy as np
import pytest
import torch
from torch import nn

from posebeam.models.batch import Batch, all_finite, lacks_memory
from posebeam.transforms.errors import ConfigError

CPU = torch.device("cpu")


class Stub(nn.Module):
    """Two maps of each image; fails above `room` images as an allocator would, and notes what it was given."""

    def __init__(self, room: int = 1000, error: Exception | None = None):
        super().__init__()
        self.room, self.error, self.seen = room, error or torch.OutOfMemoryError("CUDA out of memory"), []

    def forward(self, x):
        self.seen.append(len(x))
        if len(x) > self.room:
            raise self.error
        return {"a": x.clone(), "b": (x.mean((2, 3)), x[:, :1] * 2)}


def image(value: float) -> torch.Tensor:
    return torch.full((1, 3, 4, 4), float(value))


def run(batch: Batch, values: list[float]) -> tuple[np.ndarray, np.ndarray]:
    return batch(values, lambda part: torch.cat([image(v) for v in part]), lambda raw: raw["b"][0][:, :1])


@pytest.mark.parametrize("count", [1, 3, 4, 5, 11])
def test_every_item_comes_back_in_order(count):
    decoded, finite = run(Batch(Stub(), CPU, 32), list(range(count)))
    assert decoded.shape == (count, 1)
    assert decoded[:, 0].tolist() == list(range(count))
    assert finite.all()


def test_the_network_sees_one_shape_only():
    stub = Stub()
    run(Batch(stub, CPU, 32), list(range(2 + 1)))
    assert stub.seen == [2, 2]


CPU_MESSAGE = "[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory: you tried to allocate"


@pytest.mark.parametrize("error", [torch.OutOfMemoryError("CUDA out of memory"), RuntimeError(CPU_MESSAGE)])
def test_lack_of_memory_halves_and_goes_on(error):
    stub = Stub(room=1, error=error)
    batch = Batch(stub, CPU, 32)
    decoded, _ = run(batch, [5, 6, 7, 8, 9])
    assert decoded[:, 0].tolist() == [5, 6, 7, 8, 9]
    assert stub.seen == [2, 1, 1, 1, 1, 1]
    assert batch.halvings == 1
    run(batch, [1, 2])
    assert batch.halvings == 2, "each call starts from the full chunk"


def test_the_allocators_own_words_are_understood():
    with pytest.raises(RuntimeError) as caught:
        torch.empty(2**60, dtype=torch.uint8)
    assert lacks_memory(caught.value)
    with pytest.raises(MemoryError) as caught:
        np.empty(2**60, dtype=np.uint8)
    assert lacks_memory(caught.value)


def test_an_item_too_large_for_memory_is_an_error():
    with pytest.raises(torch.OutOfMemoryError):
        run(Batch(Stub(room=0), CPU, 32), [1, 2])


def test_other_errors_are_not_taken_for_lack_of_memory():
    stub = Stub(room=0, error=RuntimeError("shapes cannot be multiplied"))
    with pytest.raises(RuntimeError, match="multiplied"):
        run(Batch(stub, CPU, 32), [1, 2])
    assert stub.seen == [2]


@pytest.mark.parametrize("poison", [np.nan, np.inf, -np.inf])
def test_a_poisoned_item_is_told_and_its_neighbours_are_not_touched(poison):
    decoded, finite = run(Batch(Stub(), CPU, 32), [1, poison, 3, 4, 5])
    assert finite.tolist() == [True, False, True, True, True]
    assert decoded[finite, 0].tolist() == [1, 3, 4, 5]


def test_one_value_not_finite_is_enough():
    raw = torch.zeros(3, 2, 5, 5)
    raw[1, 1, 4, 4] = np.nan
    assert all_finite((torch.zeros(3, 1), {"maps": raw})).tolist() == [True, False, True]


def test_a_batch_size_below_one_is_refused():
    with pytest.raises(ConfigError, match="batch size 0"):
        Batch(Stub(), CPU, 0)
