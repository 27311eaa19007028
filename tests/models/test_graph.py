"""Graphs: onnxruntime says what torch says, of each picture by itself."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from posebeam.models import registry
from posebeam.models.batch import Batch, lacks_memory
from posebeam.models.extractors import load_extractor
from posebeam.models.graph import MOST, Graph, _traced

CPU = torch.device("cpu")
ROWS = [row for row in registry.rows() if row.graph]
NAMES = [row.name for row in ROWS]


def pictures(count: int, size: tuple[int, int], seed: int = 0) -> torch.Tensor:
    return torch.rand(count, 3, *size, generator=torch.Generator().manual_seed(seed)) * 255


def maps(said) -> list[torch.Tensor]:
    return [said] if isinstance(said, torch.Tensor) else list(said)


@pytest.mark.parametrize("name", NAMES)
@torch.inference_mode()
def test_it_says_what_torch_says(name):
    """Of one picture and of several, of the row's size and, where the network takes it, of another."""
    network, size = registry.load_network(name), registry.row(name).input
    graph = Graph(network)
    for x in (pictures(1, size), pictures(3, size, 1), pictures(2, (size[0] - 64, size[1]), 2)):
        got, expected = graph(x), network(x)
        assert type(got) is type(expected)
        for ours, theirs in zip(maps(got), maps(expected), strict=True):
            torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5 * float(theirs.abs().max()))


@pytest.mark.parametrize("name", NAMES)
def test_pads_are_part_of_its_convolutions(name, tmp_path):
    """A pad by itself has the maps reordered before and after it: a tenth of Lightning's time."""
    x = pictures(1, registry.row(name).input)
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = str(tmp_path / "made.onnx")
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    data = _traced(registry.load_network(name), x)
    assert b"Pad" in data
    onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    kinds = {node.op_type for node in onnx.load(tmp_path / "made.onnx").graph.node}
    assert "FusedConv" in kinds
    assert "Pad" not in kinds


@pytest.mark.parametrize("name", ["movenet-lightning", "densenet121-random"])
@torch.inference_mode()
def test_extractors_on_a_cpu_run_it_too(name):
    pieces = list(np.random.default_rng(0).integers(0, 256, (3, 224, 224, 3), np.uint8))
    extractor = load_extractor(name, device="cpu")
    graph = extractor._batch.network
    assert isinstance(graph, Graph)
    expected = graph.network(extractor._prepare(pieces)).numpy()
    np.testing.assert_allclose(extractor(pieces), expected, rtol=1e-4, atol=1e-5 * np.abs(expected).max())


@torch.inference_mode()
def test_what_it_says_of_a_picture_depends_on_no_other():
    graph = Graph(registry.load_network("movenet-lightning"))
    x = pictures(3, (192, 192))
    alone = [graph(each[None]) for each in x]
    for together, apart in zip(graph(x), zip(*alone, strict=True), strict=True):
        assert torch.equal(together, torch.cat(apart))


def test_estimators_on_a_cpu_run_it_where_the_row_says_so():
    for row in ROWS:
        assert isinstance(registry.load_estimator(row.name, device="cpu").network, Graph)
    assert not isinstance(registry.build_network("movenet-lightning"), Graph)


@torch.inference_mode()
def test_graphs_of_many_sizes_do_not_pile_up():
    network = torch.nn.Conv2d(3, 2, 3)
    graph = Graph(network)
    for _ in range(2):
        for width in range(8, 8 + MOST + 3):
            x = pictures(1, (8, width))
            torch.testing.assert_close(graph(x), network(x), rtol=1e-4, atol=1e-3)
            assert len(graph._sessions) <= MOST


def test_threads_may_ask_at_once():
    """Engines that run several bundles in a process share its networks; torch's exporter takes one at a time."""
    network = registry.load_network("movenet-lightning")
    graphs = [Graph(network), Graph(network)]
    x = pictures(1, (192, 192))
    with ThreadPoolExecutor(4) as pool:
        said = list(pool.map(lambda number: graphs[number % 2](x), range(8)))
    for each in said:
        assert torch.equal(each.center, said[0].center)


class Counted(Graph):
    """How many pictures each call brought."""

    def forward(self, x):
        self.__dict__.setdefault("seen", []).append(len(x))
        return super().forward(x)


def test_nothing_is_filled_up_for_it():
    graph = Counted(registry.load_network("movenet-lightning"))
    batch = Batch(graph, CPU, 32, chunk=4)
    decoded, finite = batch(list(pictures(6, (192, 192))), torch.stack, lambda said: said.center[:, 0])
    assert graph.seen == [4, 2]
    assert decoded.shape == (6, 48, 48)
    assert finite.all()


@pytest.mark.parametrize("poison", [np.nan, np.inf])
def test_weights_that_are_no_numbers_are_told(poison):
    network = registry.load_network("movenet-lightning")
    with torch.no_grad():
        network.heatmap.linear.bias[3] = poison
    _, finite = Batch(Graph(network), CPU, 2)(
        list(pictures(2, (192, 192))), torch.stack, lambda said: said.center[:, 0]
    )
    assert not finite.any()


SHORT = """
import resource, torch
from posebeam.models.batch import lacks_memory
from posebeam.models.graph import Graph

class Wide(torch.nn.Module):
    def forward(self, x):
        return x.repeat(1, 8, 1, 1).sum(1, keepdim=True)

torch.set_num_threads(1)
graph, picture = Graph(Wide()), torch.zeros(1, 3, 64, 65536)
graph._make(picture)  # traced with all the memory there is; it wants 400 MB
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + (200 << 20), resource.RLIM_INFINITY))
try:
    graph(picture)
except (RuntimeError, MemoryError) as error:
    print(type(error).__name__, lacks_memory(error))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc, limits the address space")
def test_its_lack_of_memory_is_understood():
    """In a process of its own, whose memory is bounded."""
    done = subprocess.run([sys.executable, "-c", SHORT], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["RuntimeError", "True"]
    assert not done.stderr.strip(), "it is raised, not printed"


def test_a_picture_that_the_network_cannot_take_is_torchs_error():
    graph = Graph(registry.load_network("movenet-lightning"))
    graph(pictures(1, (192, 192)))
    with pytest.raises(RuntimeError, match="size of tensor") as caught:
        graph(pictures(1, (200, 192)))
    assert not lacks_memory(caught.value)
    assert torch.isfinite(graph(pictures(1, (192, 192))).center).all()
