"""Files that a command is given: settings in TOML, and run folders from elsewhere."""

import json
import tomllib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file

from posebeam.models.networks.act import build_act
from posebeam.workflows.action.trained import Trained
from posebeam.workflows.commands.build import BuildConfig
from posebeam.workflows.config import as_toml, resolve
from posebeam.workflows.run_folder import RECORD, WEIGHTS, read_record

SETTINGS = tomllib.loads(as_toml(BuildConfig()))


def toml(value: object) -> str:
    """A value of JSON as TOML has it; what TOML does not know becomes text."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)} = {toml(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return f"[{', '.join(map(toml, value))}]"
    return repr(value) if type(value) in (int, float) else json.dumps(value if value is not None else "")


@given(data=st.data())
def test_settings_in_toml(damage, folders, data):
    path = folders() / "build.toml"
    if data.draw(st.booleans()):
        changed = damage.changed(data, SETTINGS)
        lines = [f"{json.dumps(key)} = {toml(value)}" for key, value in changed.items()]
        path.write_bytes("\n".join(lines).encode("utf-8", "surrogatepass"))
    else:
        path.write_bytes(damage.spoiled(data, as_toml(BuildConfig()).encode()))
    with damage.told():
        resolve(BuildConfig, path, {})


RUN = {
    "state": "finished", "model": "act-micro", "classes": ["a", "b"], "split": 1, "seed": 0,
    "recipe": {"name": "default", "dropout": 0.3, "mirrored": False},
    "data": {
        "chain": "act", "chain_version": 1, "layout": "act13-coco", "window": 30, "stride": 15, "min_score": 0.2,
        "backbone": "movenet-lightning", "weights_sha256": "0", "fps": 0.0,
    },
}  # fmt: skip


@pytest.fixture(scope="module")
def weights(tmp_path_factory) -> bytes:
    path = tmp_path_factory.mktemp("weights") / WEIGHTS
    save_file(build_act("micro", 2, 30).state_dict(), path)
    return path.read_bytes()


def read(run: Path) -> None:
    """All that predict and evaluate take of a run before they look at anything."""
    trained = Trained.load(run, "cpu")
    trained.backbone("")
    assert len(trained.classes) == 2


def test_the_run_that_is_damaged_below_is_sound(folders, weights):
    run = folders()
    (run / RECORD).write_text(json.dumps(RUN))
    (run / WEIGHTS).write_bytes(weights)
    read(run)


@settings(max_examples=150)
@given(data=st.data())
def test_records_of_runs(damage, folders, weights, data):
    run = folders()
    (run / RECORD).write_bytes(damage.json_bytes(data, RUN))
    (run / WEIGHTS).write_bytes(weights)
    with damage.told():
        read_record(run)
    with damage.told():
        read(run)


@settings(max_examples=50)
@given(data=st.data())
def test_weights_of_runs(damage, folders, weights, data):
    run = folders()
    (run / RECORD).write_text(json.dumps(RUN))
    (run / WEIGHTS).write_bytes(damage.spoiled(data, weights))
    with damage.told():
        read(run)
