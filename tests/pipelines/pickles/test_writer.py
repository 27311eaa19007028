"""PickleWriter: what is written piece by piece loads as if it had been pickled whole."""

import io
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from posebeam.pipelines.pickles.writer import PickleWriter

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.floats(allow_nan=False),
    lambda own: st.lists(own) | st.tuples(own, own) | st.dictionaries(st.text(max_size=3), own),
    max_leaves=9,
)


@given(
    values=st.dictionaries(st.text(), VALUES, max_size=4), entries=st.lists(VALUES, max_size=4),
    array=arrays.arrays("f4", arrays.array_shapes(min_dims=2, max_dims=4)),
)  # fmt: skip
def test_pieces_load_as_one_value(values, entries, array):
    file = io.BytesIO()
    with PickleWriter(file) as writer, writer.list():
        writer.value(values)
        with writer.list():
            for entry in entries:
                writer.value(entry)
        with writer.dict():
            writer.value("array")
            writer.array(array.shape, iter(array))
            writer.value("again")
            writer.value(entries)
    first, second, third = pickle.loads(file.getvalue())
    assert (first, second, third["again"]) == (values, entries, entries)
    np.testing.assert_array_equal(third["array"], array)
    assert third["array"].dtype == np.float32


def test_an_array_that_is_too_short_is_an_error():
    with pytest.raises(ValueError, match="8 bytes are missing"):
        PickleWriter(io.BytesIO()).array((2, 2), [np.zeros(2, np.float32)])
