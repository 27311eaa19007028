"""Weights and checkpoints: found, fetched, checked, and never executed."""

import argparse
import http.server
import pickle
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from posebeam.models import registry
from posebeam.models.checkpoint import load, read
from posebeam.models.row import Weights
from posebeam.models.weights import cache_folder, locate, sha256_of
from posebeam.transforms.errors import WeightsError


@pytest.fixture
def state() -> dict[str, torch.Tensor]:
    return {"weight": torch.arange(6.0).reshape(2, 3), "bias": torch.ones(2)}


@pytest.fixture
def published(tmp_path, monkeypatch, state) -> Iterator[Weights]:
    """Weights behind a url of this machine, with an empty cache."""
    folder = tmp_path / "server"
    folder.mkdir()
    save_file(state, folder / "net.safetensors")
    monkeypatch.setenv("POSEBEAM_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("POSEBEAM_OFFLINE", raising=False)
    handler = partial(QuietHandler, directory=folder)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/net.safetensors"
        yield Weights("MIT", "a test", sha256_of(folder / "net.safetensors"), url=url)
        server.shutdown()


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_) -> None:
        pass


def other(weights: Weights, **changes) -> Weights:
    facts = {"sha256": weights.sha256, "licence": "MIT", "source": "a test", "url": weights.url}
    return Weights(**facts | changes)


def test_embedded_weights_are_what_the_table_says():
    for row in registry.rows():
        if row.weights and row.weights.embedded:
            assert sha256_of(locate(row.name, row.weights)) == row.weights.sha256


def test_fetched_once_then_taken_from_the_cache(published, tmp_path, state):
    path = locate("net", published)
    assert path == tmp_path / "cache" / "net" / "net.safetensors"
    assert torch.equal(read(path)["weight"], state["weight"])
    before = path.stat()
    assert locate("net", published).stat().st_mtime_ns == before.st_mtime_ns
    assert [each.name for each in path.parent.iterdir()] == [path.name]


def test_offline_says_where_to_put_the_file(published, monkeypatch):
    monkeypatch.setenv("POSEBEAM_OFFLINE", "1")
    with pytest.raises(WeightsError, match=r"POSEBEAM_OFFLINE.*cache.*net.safetensors"):
        locate("net", published)


def test_offline_takes_what_is_in_the_cache(published, monkeypatch):
    path = locate("net", published)
    monkeypatch.setenv("POSEBEAM_OFFLINE", "1")
    assert locate("net", published) == path


def test_another_hash_leaves_nothing_behind(published, tmp_path):
    wrong = other(published, sha256="0" * 64)
    with pytest.raises(WeightsError, match=rf"{published.sha256}.*expected {'0' * 64}"):
        locate("net", wrong)
    assert list((tmp_path / "cache").rglob("*.*")) == []


@pytest.mark.parametrize("digits", [8, 0])
def test_a_publisher_may_state_a_part_of_the_hash_or_none(published, digits):
    assert locate("net", other(published, sha256=published.sha256[:digits])).is_file()


def test_a_wrong_part_of_the_hash_is_refused(published):
    with pytest.raises(WeightsError, match="expected 00000000"):
        locate("net", other(published, sha256="0" * 8))


def test_without_a_direct_address_the_page_is_named_and_the_file_by_hand_is_taken(published, tmp_path):
    by_hand = other(published, url="", page="https://example.org/zoo", file="net.pth")
    assert not by_hand.embedded
    path = tmp_path / "cache" / "net" / "net.pth"
    with pytest.raises(WeightsError, match=rf"{path} does not exist.*net.pth from https://example.org/zoo"):
        locate("net", by_hand)
    path.parent.mkdir(parents=True)
    path.write_bytes(locate("other", published).read_bytes())
    assert locate("net", by_hand) == path


def test_a_file_damaged_in_the_cache_is_told(published):
    path = locate("net", published)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(WeightsError, match="damaged"):
        locate("net", published)


def test_a_url_without_a_file_says_so(published):
    with pytest.raises(WeightsError, match="cannot be fetched: File not found"):
        locate("net", other(published, url=f"{published.url}.gone"))


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"POSEBEAM_CACHE": "/a", "TORCH_HOME": "/b", "XDG_CACHE_HOME": "/c"}, "/a"),
        ({"TORCH_HOME": "/b", "XDG_CACHE_HOME": "/c"}, "/b/posebeam"),
        ({"XDG_CACHE_HOME": "/c"}, "/c/posebeam"),
    ],
)
def test_the_cache_lies_where_the_environment_says(environment, expected, monkeypatch):
    for name in ("POSEBEAM_CACHE", "TORCH_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert cache_folder() == Path(expected)


@pytest.mark.parametrize(
    "wrapped",
    [
        lambda s: s,
        lambda s: {"state_dict": s, "epoch": 3},
        lambda s: {"model": s, "args": argparse.Namespace(a=1)},
    ],
)
def test_torch_checkpoints_are_read_however_they_are_wrapped(wrapped, tmp_path, state):
    path = tmp_path / "net.pth"
    torch.save(wrapped({f"module.{key}": value for key, value in state.items()}), path)
    network = nn.Linear(3, 2)
    load(network, path)
    assert torch.equal(network.weight, state["weight"])


class Trap:
    """A pickle that would write a file when it is opened."""

    def __init__(self, path: Path):
        self.path = path

    def __reduce__(self):
        return Path.write_text, (self.path, "caught")


@pytest.mark.parametrize("protocol", ["torch", "plain"])
def test_a_checkpoint_with_code_is_refused_and_not_run(protocol, tmp_path, state):
    path, mark = tmp_path / "net.pth", tmp_path / "mark"
    content = {"state_dict": state, "trap": Trap(mark)}
    torch.save(content, path) if protocol == "torch" else path.write_bytes(pickle.dumps(Trap(mark)))
    with pytest.raises(WeightsError, match=r"nothing of it was run"):
        read(path)
    assert not mark.exists()


@pytest.mark.parametrize("suffix", ["pth", "safetensors"])
def test_a_truncated_checkpoint_is_told(suffix, tmp_path, state):
    path = tmp_path / f"net.{suffix}"
    torch.save(state, path) if suffix == "pth" else save_file(state, path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(WeightsError, match=str(path)):
        read(path)


def test_other_keys_and_shapes_are_named(tmp_path, state):
    path = tmp_path / "net.safetensors"
    save_file({"weight": torch.zeros(3, 3), "extra": torch.zeros(1)}, path)
    with pytest.raises(WeightsError, match=r"missing: bias.*left over: extra.*weight \[3, 3\] for \[2, 3\]"):
        load(nn.Linear(3, 2), path)


def test_counters_of_batches_may_be_missing_as_torch_did_not_keep_them_once(tmp_path):
    path, network = tmp_path / "net.safetensors", nn.BatchNorm1d(2)
    state = {key: value + 1 for key, value in network.state_dict().items() if key != "num_batches_tracked"}
    save_file(state, path)
    load(network, path)
    assert torch.equal(network.running_mean, state["running_mean"])


@pytest.mark.parametrize("kind", ["sparse", "meta", "complex"])
def test_tensors_that_are_no_plain_numbers_are_refused(kind, tmp_path):
    weight = torch.zeros(2, 3)
    others = {"sparse": weight.to_sparse(), "meta": weight.to("meta"), "complex": weight.to(torch.complex64)}
    torch.save({"0.weight": others[kind], "0.bias": torch.ones(2)}, tmp_path / "a.pth")
    with pytest.raises(WeightsError, match=r"'0\.weight' is no dense array of plain numbers"):
        load(nn.Sequential(nn.Linear(3, 2)), tmp_path / "a.pth")


def test_weights_that_are_not_finite_are_refused(tmp_path):
    """They would see nobody anywhere, without a word."""
    torch.save({"0.weight": torch.full((2, 3), torch.nan), "0.bias": torch.ones(2)}, tmp_path / "a.pth")
    with pytest.raises(WeightsError, match=r"1 not finite: 0\.weight"):
        load(nn.Sequential(nn.Linear(3, 2)), tmp_path / "a.pth")


def test_a_checkpoint_that_is_no_mapping_is_refused(tmp_path):
    torch.save(torch.zeros(3), tmp_path / "net.pth")
    with pytest.raises(WeightsError, match="expected tensors by name"):
        read(tmp_path / "net.pth")


def test_a_missing_file_is_told(tmp_path):
    with pytest.raises(WeightsError, match="no such file"):
        read(tmp_path / "net.pth")
