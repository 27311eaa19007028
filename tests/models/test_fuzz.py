"""Weights and rows from elsewhere: tensors and facts are read, or refused in words; nothing in them runs."""

import io
import json
import pickle
import struct
import tomllib
import zipfile

import h5py
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save
from torch import nn

from posebeam.models import checkpoint
from posebeam.models.act_h5 import read_act_h5
from posebeam.models.networks.act import build_act
from posebeam.models.registry import row
from posebeam.models.run_row import FILE, read_run_row, write_run_row

STATE = {"0.weight": torch.arange(6.0).reshape(2, 3), "0.bias": torch.ones(2)}
KEYS = st.sampled_from(("0.weight", "0.bias", "module.0.weight", "", "\0", "état", "x" * 500))
VALUES = st.one_of(
    st.none(), st.integers(), st.text(max_size=5), st.lists(st.none(), max_size=2),
    st.builds(
        lambda shape, dtype: torch.zeros(shape, dtype=dtype),
        st.lists(st.integers(0, 3), max_size=3),
        st.sampled_from((torch.float32, torch.int64, torch.bool, torch.complex64, torch.float8_e5m2)),
    ),
    st.sampled_from((torch.eye(2, 3).to_sparse(), torch.eye(2, 3, device="meta"), torch.full((2, 3), torch.nan))),
)  # fmt: skip


def torch_file(content: object, new: bool = True) -> bytes:
    file = io.BytesIO()
    torch.save(content, file, _use_new_zipfile_serialization=new)
    return file.getvalue()


FILES = {
    "a.pth": torch_file(STATE), "old.pth": torch_file(STATE, new=False), "a.safetensors": save(STATE),
    "a.pkl": pickle.dumps({"state_dict": {}}, 2),
}  # fmt: skip


@given(data=st.data())
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_checkpoints_of_wrong_bytes(damage, folders, data):
    name = data.draw(st.sampled_from(sorted(FILES)))
    path = folders() / name
    path.write_bytes(damage.spoiled(data, FILES[name]))
    with damage.told():
        checkpoint.load(nn.Sequential(nn.Linear(3, 2)), path)


@given(data=st.data())
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_checkpoints_whose_pickle_is_changed_inside_a_sound_archive(damage, folders, data):
    """An archive's check sum stops most changes before torch sees them."""
    source, target = zipfile.ZipFile(io.BytesIO(FILES["a.pth"])), io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name in source.namelist():
            content = source.read(name)
            archive.writestr(name, damage.spoiled(data, content) if name.endswith("data.pkl") else content)
    path = folders() / "a.pth"
    path.write_bytes(target.getvalue())
    with damage.told():
        checkpoint.load(nn.Sequential(nn.Linear(3, 2)), path)


@given(state=st.dictionaries(KEYS, VALUES, max_size=3), wrapped=st.booleans(), new=st.booleans())
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_checkpoints_of_other_things(damage, folders, state, wrapped, new):
    path = folders() / "a.pth"
    path.write_bytes(torch_file({"state_dict": state} if wrapped else state, new))
    with damage.told():
        checkpoint.load(nn.Sequential(nn.Linear(3, 2)), path)


HEADER = {
    "__metadata__": {"format": "pt"},
    "0.weight": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]},
    "0.bias": {"dtype": "F32", "shape": [2], "data_offsets": [24, 32]},
}


@given(data=st.data())
def test_heads_of_safetensors(damage, folders, data):
    head = json.dumps(damage.changed(data, HEADER)).encode("utf-8", "surrogatepass")
    path = folders() / "a.safetensors"
    path.write_bytes(struct.pack("<Q", len(head)) + head + bytes(32))
    with damage.told():
        checkpoint.load(nn.Sequential(nn.Linear(3, 2)), path)


@pytest.fixture(scope="module")
def keras(write_act_h5, tmp_path_factory) -> bytes:
    path = tmp_path_factory.mktemp("keras") / "a.h5"
    return write_act_h5(path, build_act("micro", 3, 30)).read_bytes()


@settings(max_examples=60)
@given(data=st.data())
def test_keras_weights_of_wrong_bytes(damage, folders, keras, data):
    path = folders() / "a.h5"
    path.write_bytes(damage.spoiled(data, keras))
    with damage.told():
        read_act_h5(path)


@settings(max_examples=60)
@given(data=st.data())
def test_keras_weights_of_other_shapes(damage, folders, keras, data):
    """What stands in an array's place is of another kind or shape, also one of terabytes that nobody wrote."""
    path = folders() / "a.h5"
    path.write_bytes(keras)
    with h5py.File(path, "r+") as file:
        names: list[str] = []
        file.visit(names.append)
        for _ in range(data.draw(st.integers(1, 3))):
            holder = file
            name = data.draw(st.sampled_from(names))
            if name not in file:
                continue
            del holder[name]
            shape = data.draw(st.sampled_from(((), (0,), (3,), (52, 64), (31, 64), (2**40,), (2**20, 2**20))))
            kind = data.draw(st.sampled_from(("f4", "f8", "i4", "S3", "group", "attribute")))
            if kind == "group":
                holder.create_group(name)
            elif kind == "attribute":
                file.attrs["layer_names"] = np.zeros(data.draw(st.integers(0, 3)), "S8")
            else:
                holder.create_dataset(name, shape, kind)
    with damage.told():
        read_act_h5(path)


@pytest.fixture(scope="module")
def facts(tmp_path_factory) -> tuple[bytes, dict]:
    """A run's backbone.toml, and what it holds."""
    folder = tmp_path_factory.mktemp("run")
    write_run_row(row("transpose-r-a3"), folder)
    content = (folder / FILE).read_bytes()
    return content, tomllib.loads(content.decode())


def toml(value: object) -> str:
    """A value of JSON as TOML has it; what TOML does not know becomes text."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)} = {toml(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return f"[{', '.join(map(toml, value))}]"
    return repr(value) if type(value) in (int, float) else json.dumps(value if value is not None else "")


@given(data=st.data())
def test_rows_of_runs(damage, folders, facts, data):
    content, table = facts
    folder = folders()
    if data.draw(st.booleans()):
        ((name, columns),) = table.items()
        changed = damage.changed(data, columns)
        lines = (
            [f"{json.dumps(key)} = {toml(value)}" for key, value in changed.items()]
            if isinstance(changed, dict)
            else []
        )
        content = "\n".join((f"[{json.dumps(name)}]", *lines)).encode("utf-8", "surrogatepass")
    else:
        content = damage.spoiled(data, content)
    (folder / FILE).write_bytes(content)
    with damage.told():
        read_run_row(folder)
