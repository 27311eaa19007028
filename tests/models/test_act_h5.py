"""Published AcT weights without Keras: read by order, held against shapes, never led astray."""

import json

import h5py
import numpy as np
import pytest
import torch

from posebeam.models.act_h5 import listing, read_act_h5
from posebeam.models.networks.act import SIZES, build_act
from posebeam.transforms.errors import WeightsError


@pytest.fixture
def network():
    torch.manual_seed(3)
    return build_act("micro", 20).eval()


@pytest.mark.parametrize("size", SIZES)
def test_all_sizes_are_known_by_their_shapes(write_act_h5, tmp_path, size):
    torch.manual_seed(1)
    network = build_act(size, 7, 24).eval()
    for part in network.modules():  # norms start at 1 and 0: others tell whether they are read in order
        if isinstance(part, torch.nn.LayerNorm):
            torch.nn.init.normal_(part.weight)
            torch.nn.init.normal_(part.bias)
    act = read_act_h5(write_act_h5(tmp_path / "act.h5", network))
    assert (act.size, act.length, act.classes) == (size, 24, 7)
    x = torch.randn(4, 24, 52)
    with torch.inference_mode():
        assert torch.equal(act.network(x), network(x))
    assert not act.network.training


def test_names_may_count_on_and_weights_stand_in_a_group(write_act_h5, tmp_path, network):
    """From dense_8 to dense_10 the order by name is another than the order of layers."""
    for name, how in (("a.h5", {"first": 8}), ("b.h5", {"below": "model_weights"})):
        read = read_act_h5(write_act_h5(tmp_path / name, network, **how)).network.state_dict()
        assert all(torch.equal(read[key], value) for key, value in network.state_dict().items())


def test_the_order_is_that_of_the_published_list(foreign_data):
    meta = json.loads(np.load(foreign_data / "parity" / "act.npz")["meta"].tobytes())
    for size, facts in meta["sizes"].items():
        names = [entry[0] if isinstance(entry, list) else entry for entry in facts["listing"]]
        assert names == listing(SIZES[size].layers)


def refused(path, match):
    with pytest.raises(WeightsError, match=match):
        read_act_h5(path)


@pytest.fixture
def whole(write_act_h5, tmp_path, network):
    return write_act_h5(tmp_path / "act.h5", network)


def test_what_is_no_act_is_refused(tmp_path, whole):
    (tmp_path / "text.h5").write_text("no HDF5")
    refused(tmp_path / "text.h5", "is no HDF5 file that can be read")
    h5py.File(tmp_path / "empty.h5", "w").close()
    refused(tmp_path / "empty.h5", "no attribute layer_names: expected weights saved by Keras 2")
    content = whole.read_bytes()
    (tmp_path / "cut.h5").write_bytes(content[: len(content) // 2])
    refused(tmp_path / "cut.h5", "is no HDF5 file that can be read")
    refused(tmp_path, "is a folder, expected one file")


@pytest.mark.parametrize(
    ("layers", "match"),
    [
        (["dense_A", "patch_class_embedding_3"], "holds 4 arrays.*known are micro 64 wide with 4 layers"),
        (["dense_A", "conv2d"], "a layer 'conv2d' that AcT has not"),
        (["dense_A", "dense_9"], "'dense_9' is named but is not there"),
        ([1, 2, 3], "layer_names of / is no list of names"),
    ],
)
def test_other_layers_are_refused(whole, layers, match):
    with h5py.File(whole, "a") as file:
        file.attrs["layer_names"] = layers
    refused(whole, match)


def put(path, name, **what):
    """Replace a data set in place."""
    with h5py.File(path, "a") as file:
        del file[name]
        if what:
            file.create_dataset(name, **what)


BIAS = "dense_B/dense_B/bias:0"


@pytest.mark.parametrize(
    ("name", "values", "match"),
    [
        ("dense_A/dense_A/kernel:0", np.zeros((50, 64), np.float32), "takes 50 features, 64 wide"),
        ("dense_A/dense_A/kernel:0", np.zeros((52, 96), np.float32), "takes 52 features, 96 wide"),
        ("dense_A/dense_A/kernel:0", np.float32(0), "no AcT; known are"),
        ("dense_C/dense_C/kernel:0", np.zeros((20, 256), np.float32), r"\[20, 256\], expected \[256, 20\]"),
        (
            "transformer_encoder_3/dense_28/kernel:0",
            np.zeros((256, 64), "f4"),
            r"\[256, 64\], expected \[64, 256\]",
        ),
        (BIAS, np.full(256, np.nan, np.float32), "dense_B/bias:0 holds values that are not finite"),
        (BIAS, np.zeros(256, np.int64), "type int64, expected an array of floats"),
    ],
)
def test_every_array_is_held_against_its_shape(whole, name, values, match):
    put(whole, name, data=values)
    refused(whole, match)


@pytest.mark.parametrize("where", [BIAS, "dense_B"])
@pytest.mark.parametrize("kind", ["ExternalLink", "SoftLink"])
def test_links_to_elsewhere_are_refused(write_act_h5, tmp_path, network, whole, where, kind):
    """What they point to would do."""
    other = write_act_h5(tmp_path / "other.h5", network)
    put(whole, where)
    with h5py.File(whole, "a") as file:
        file["copy"] = np.zeros(256, np.float32)
        file[where] = (
            h5py.ExternalLink(str(other), f"/{where}") if kind == "ExternalLink" else h5py.SoftLink("/copy")
        )
    refused(whole, rf"'.*' is a link to elsewhere \({kind}\)")


@pytest.mark.parametrize(
    ("what", "match"),
    [
        ({"dtype": "f4", "external": [("raw.bin", 0, 1024)]}, "stored elsewhere"),
        ({"dtype": "f4", "compression": "gzip"}, "through filters"),
        ({"dtype": h5py.ref_dtype}, "expected an array of floats"),
    ],
)
def test_foreign_storage_filters_and_references_are_refused(whole, what, match):
    put(whole, BIAS, shape=(256,), **what)
    refused(whole, match)


def test_a_virtual_data_set_is_refused(whole):
    put(whole, BIAS)
    virtual = h5py.VirtualLayout((256,), "f4")
    virtual[:] = h5py.VirtualSource("other.h5", "x", (256,))
    with h5py.File(whole, "a") as file:
        file.create_virtual_dataset(BIAS, virtual)
    refused(whole, "stored elsewhere")


def test_a_group_in_an_array_s_place_is_refused(whole):
    put(whole, BIAS)
    with h5py.File(whole, "a") as file:
        file.create_group(BIAS)
    refused(whole, "is a group, expected an array of floats")
