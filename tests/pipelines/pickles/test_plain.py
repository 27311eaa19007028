"""Pickles of plain values: read as pickle reads them; what else a file holds is refused, and nothing is run."""

import collections
import contextlib
import os
import pickle
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from posebeam.pipelines.pickles import plain as plain_pickle
from posebeam.pipelines.pickles.plain import read_plain_pickle
from posebeam.pipelines.pickles.stored_array import StoredArray
from posebeam.transforms.errors import SourceError

PROTOCOLS = st.sampled_from((2, 3, 4, 5))
KEYS = st.text(max_size=9) | st.integers(-9, 9)
LEAVES = st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | st.text()
VALUES = st.recursive(
    LEAVES, lambda own: st.lists(own) | st.tuples(own, own) | st.dictionaries(KEYS, own), max_leaves=20
)
NUMBERS = st.sampled_from(("?", "i1", "u2", "<i4", ">i4", "i8", "u8", "<f2", ">f4", "f8"))


@pytest.fixture(scope="module")
def file(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("pickles") / "some.pkl"


@given(value=VALUES, protocol=PROTOCOLS)
def test_plain_values_come_back(file, value, protocol):
    file.write_bytes(pickle.dumps(value, protocol))
    assert read_plain_pickle(file) == value


@given(data=st.data(), protocol=PROTOCOLS)
def test_arrays_of_numbers_come_back(file, data, protocol):
    array = data.draw(arrays.arrays(data.draw(NUMBERS), arrays.array_shapes(min_dims=0, min_side=0)))
    array = np.asfortranarray(array) if data.draw(st.booleans()) else array
    file.write_bytes(pickle.dumps({"a": array, "again": array}, protocol))
    found = read_plain_pickle(file)
    assert found["a"] is found["again"]
    np.testing.assert_array_equal(found["a"].read(), array)
    assert found["a"].read().dtype == array.dtype.newbyteorder("=")


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_large_arrays_and_numpy_s_numbers_come_back(file, protocol):
    """Protocol 2 writes bytes as text: 100 kB of every value from 0 to 255."""
    array = np.arange(100_000).astype(np.uint8)
    file.write_bytes(pickle.dumps([array, np.int64(-7), np.float32(0.5), np.bool_(True)], protocol))
    found = read_plain_pickle(file)
    np.testing.assert_array_equal(found[0].read(), array)
    assert found[1:] == [-7, 0.5, True]


def test_arrays_as_numpy_1_names_them_come_back(file):
    array = np.random.default_rng(0).normal(size=(3, 4)).astype(np.float16)
    file.write_bytes(pickle.dumps(array, 2).replace(b"numpy._core.", b"numpy.core."))
    np.testing.assert_array_equal(read_plain_pickle(file).read(), array)


class Runs:
    """Pickles as a call."""

    def __init__(self, function, *args):
        self.call = function, args

    def __reduce__(self):
        return self.call


class Plain:
    """An object with attributes."""

    def __init__(self):
        self.x = 1


def hostile(canary: Path) -> dict[str, object]:
    """What would do something, or be something, if it were loaded."""
    command = f"touch {canary}"
    return {
        "os.system": Runs(os.system, command),
        "eval": Runs(eval, f"open({str(canary)!r}, 'w')"),
        "exec": Runs(exec, f"open({str(canary)!r}, 'w')"),
        "open": Runs(open, str(canary), "w"),
        "getattr": Runs(getattr, int, "from_bytes"),
        "import": Runs(__import__, "os"),
        "numpy that runs": Runs(np.fromfile, str(canary)),
        "numpy's loader": Runs(np.load, str(canary)),
        "memmap": Runs(np.memmap, str(canary), "u1", "w+", 0, (9,)),
        "bytearray of a size": Runs(bytearray, 1 << 40),
        "object array": np.array([Runs(os.system, command)], object),
        "object array of texts": np.array(["a", None], object),
        "records": np.zeros(3, [("x", "f4")]),
        "texts of numpy": np.array(["a", "b"]),
        "complex": 1j,
        "set": {1, 2},
        "an object": Plain(),
        "a class": collections.OrderedDict,
        "an ordered dict": collections.OrderedDict(a=1),
        "a function": os.getcwd,
        "a tuple as key": {(1, 2): 3},
        "a huge number": 1 << 4000,
    }


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("name", sorted(hostile(Path())))
def test_what_is_no_plain_value_is_refused_and_not_run(tmp_path, protocol, name):
    file, canary = tmp_path / "bad.pkl", tmp_path / "canary"
    file.write_bytes(pickle.dumps({"annotations": [hostile(canary)[name]]}, protocol))
    with pytest.raises(SourceError, match=r"bad\.pkl, byte \d+: .*Nothing in it was run"):
        read_plain_pickle(file)
    assert not canary.exists()


def nested(depth: int) -> bytes:
    return b"\x80\x02" + b"](" * depth + b"e" * depth + b"."


ARRAY = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85C\x01b\x87R"
MINUS = b"J\xff\xff\xff\xff"
FLOATS = b"cnumpy\ndtype\nX\x02\x00\x00\x00f4\x89\x88\x87R(K\x03X\x01\x00\x00\x00<NNN" + 2 * MINUS + b"K\x00tb"
HUGE = struct.pack("<Q", 1 << 60)


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (b"", "cannot be read as a pickle"),
        (b"no pickle", "cut short or damaged, or none at all"),
        (b"\x80\x04}", "cut short"),
        (b"\x80\x04.", "0 values at the end"),
        (b"\x80\x04NN.", "2 values at the end"),
        (b"\x80\x04(N.", "expected one"),
        (b"\x80\x04t.", "damaged"),
        (b"\x80\x04h\x07.", "damaged"),
        (b"\x80\x04\x8e" + HUGE + b"x.", "cut short"),
        (b"\x80\x04\x8d" + HUGE + b"x.", "cut short"),
        (b"\x80\x04\x95" + HUGE + b"cos\nsystem\n.", "'os.system' is named"),
        (b"\x80\x04X\x03\x00\x00\x00\xff\xfe\xfd.", "damaged"),
        (b"\x80\x04Nr\xff\xff\xff\xff00.", "opcode POP"),
        (b"\x80\x02cos\nsystem\nX\x02\x00\x00\x00ls\x85R.", "'os.system' is named"),
        (b"\x80\x04\x8c\x02os\x8c\x06system\x93.", "'os.system' is named"),
        (b"\x80\x04K\x01K\x02\x93.", "is named"),
        (b"(ios\nsystem\n.", "opcode INST"),
        (b"\x80\x02\x82\x01.", "opcode EXT1"),
        (b"\x80\x02Pid\n.", "opcode PERSID"),
        (b"\x80\x02cnumpy\nndarray\n)\x81.", "opcode NEWOBJ"),
        (b"\x80\x02K\x01K\x02b.", "a state for something"),
        (b"\x80\x02}}b.", "a state for something"),
        (b"\x80\x02K\x01K\x02a.", "no list"),
        (b"\x80\x02}]K\x01s.", "neither text nor whole number"),
        (b"\x80\x02]K\x01K\x01s.", "no dict"),
        (b"\x80\x02K\x01)R.", "a call of something that is no name"),
        (b"\x80\x02X\x05\x00\x00\x00dtype)R.", "a call of something that is no name"),
        (b"\x80\x02cnumpy\ndtype\nX\x01\x00\x00\x00O\x85R.", "an array of 'O'"),
        (b"\x80\x02cnumpy\ndtype\n)R.", "called with other values"),
        (b"\x80\x02c_codecs\nencode\nX\x01\x00\x00\x00aX\x03\x00\x00\x00hex\x86R.", "called with other values"),
        (b"\x80\x02cbuiltins\nbytes\nJ\xff\xff\xff\x7f\x85R.", "called with other values"),
        (nested(1000), "more than 64 values within each other"),
        (b"\x80\x03" + ARRAY + b"(K\x01K\x02\x85" + FLOATS + b"\x89C\x04abcdtb.", r"in 4 bytes, not 8"),
        (b"\x80\x03" + ARRAY + b"(K\x01(" + 4 * b"J\x00\x00\x00\x7f" + b"t" + FLOATS + b"\x89C\x04abcdtb.", "4 b"),
        (b"\x80\x03" + ARRAY + b"(K\x01" + MINUS + b"\x85" + FLOATS + b"\x89C\x04abcdtb.", "no list of a few"),
        (b"\x80\x03" + ARRAY + b"(K\x01)" + FLOATS + b"\x89]tb.", "does not hold plain numbers"),
    ],
)  # fmt: skip
def test_damaged_and_crafted_files_are_refused(file, content, match):
    file.write_bytes(content)
    with pytest.raises(SourceError, match=match):
        read_plain_pickle(file)


def test_a_list_that_holds_itself_is_only_a_list(file):
    own: list[object] = []
    own.append(own)
    file.write_bytes(pickle.dumps(own))
    found = read_plain_pickle(file)
    assert found[0] is found


def test_an_array_that_was_never_filled_says_so(file):
    file.write_bytes(b"\x80\x03" + ARRAY + b".")
    found = read_plain_pickle(file)
    assert isinstance(found, StoredArray)
    assert not found.is_built


def test_the_number_of_steps_is_bounded(file, monkeypatch):
    monkeypatch.setattr(plain_pickle, "STEPS", 100)
    file.write_bytes(b"\x80\x02](" + b"}" * 200 + b"e.")
    with pytest.raises(SourceError, match="more than 100 steps"):
        read_plain_pickle(file)


WHOLE = pickle.dumps({"split": {"train": ["a"]}, "annotations": [{"a": np.ones((2, 3), np.float16), "b": (1, 2)}]})


@given(cut=st.integers(0, len(WHOLE) - 1))
def test_a_file_cut_anywhere_is_refused(file, cut):
    file.write_bytes(WHOLE[:cut])
    with pytest.raises(SourceError):
        read_plain_pickle(file)


@given(places=st.lists(st.tuples(st.integers(2, len(WHOLE) - 1), st.integers(0, 255)), min_size=1, max_size=4))
def test_a_file_with_wrong_bytes_is_refused_or_read_but_never_breaks(file, places):
    content = bytearray(WHOLE)
    for at, value in places:
        content[at] = value
    file.write_bytes(content)
    with contextlib.suppress(SourceError):
        read_plain_pickle(file)
