"""Files that a command is given: settings in TOML, and run folders from elsewhere."""

import copy
import json
import tomllib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file

from posebeam.models.networks.act import build_act
from posebeam.pipelines.read import WindowReader
from posebeam.transforms.errors import DataError
from posebeam.workflows.action.evaluation import evaluate
from posebeam.workflows.action.trained import Trained
from posebeam.workflows.action.watch import rule_of
from posebeam.workflows.commands.build import BuildConfig
from posebeam.workflows.config import as_toml, resolve
from posebeam.workflows.export import facts as exported_facts
from posebeam.workflows.report.classifier_run import read_classifier_run
from posebeam.workflows.report.classifier_table import CLASSIFIER_HEADER, classifier_cells
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
    "state": "finished", "model": "act-micro", "parameters": 222_530, "classes": ["lift", "rest"],
    "split": 1, "seed": 0,
    "recipe": {"name": "default", "dropout": 0.3, "mirrored": True, "epochs": 40},
    "data": {
        "chain": "act", "chain_version": 1, "layout": "act13-coco", "window": 30, "stride": 15, "min_score": 0.2,
        "backbone": "movenet-lightning", "weights_sha256": "0", "fps": 0.0, "decode": "", "person": "main",
        "crop_following": True,
    },
    "windows": {"train": 30, "validation": 6}, "validation_groups": ["g3"], "epoch": 7, "epochs": 40,
    "validation": {"clip_accuracy": 0.75, "window_accuracy": 0.5, "clips": 4},
}  # fmt: skip
# What is read of a run after its network is built, by predict, evaluate, export and report.
READ_LATER = [
    "parameters", "split", "seed", "windows", "validation_groups", "recipe.name", "data.fps", "data.stride",
    "data.min_score", "data.person", "data.crop_following",
]  # fmt: skip


@pytest.fixture(scope="module")
def weights(tmp_path_factory) -> bytes:
    path = tmp_path_factory.mktemp("weights") / WEIGHTS
    save_file(build_act("micro", 2, 30).state_dict(), path)
    return path.read_bytes()


@pytest.fixture(scope="module")
def windows(make_windows, tmp_path_factory) -> WindowReader:
    """Windows that RUN fits."""
    return WindowReader(make_windows(tmp_path_factory.mktemp("data") / "out", groups=4, labels=RUN["classes"]))


def read(run: Path, windows: WindowReader) -> None:
    """All that predict, evaluate, export and report take of a run, but for the looking at videos."""
    trained = Trained.load(run, "cpu")
    rule_of(trained, trained.backbone(""), -1.0)
    exported_facts(trained)
    assert len(trained.classes) == 2
    told = read_classifier_run(run, "run", measure=False)
    assert len(classifier_cells(told)) == len(CLASSIFIER_HEADER)
    evaluate(trained, windows, "validation")


def test_the_run_that_is_damaged_below_is_sound(folders, weights, windows):
    run = folders()
    (run / RECORD).write_text(json.dumps(RUN))
    (run / WEIGHTS).write_bytes(weights)
    read(run, windows)


@pytest.mark.parametrize("name", READ_LATER)
def test_a_record_without_what_is_read_later_is_refused_before_its_network_is_built(folders, weights, name):
    run, record = folders(), copy.deepcopy(RUN)
    *path, last = name.split(".")
    del (record[path[0]] if path else record)[last]
    (run / RECORD).write_text(json.dumps(record))
    (run / WEIGHTS).write_bytes(weights)
    with pytest.raises(DataError, match=rf"{RECORD} is damaged: .*it lacks {last}"):
        Trained.load(run, "cpu")


def test_weights_that_are_no_numbers_are_refused(folders):
    run, state = folders(), build_act("micro", 2, 30).state_dict()
    state["head2.bias"][0] = float("nan")
    (run / RECORD).write_text(json.dumps(RUN))
    save_file(state, run / WEIGHTS)
    with pytest.raises(DataError, match=r"head2\.bias holds values that are not finite"):
        Trained.load(run, "cpu")


def test_an_unfinished_record_that_lacks_what_a_report_reads_is_refused_too(folders):
    run, record = folders(), {**RUN, "state": "training"}
    del record["windows"]
    (run / RECORD).write_text(json.dumps(record))
    with pytest.raises(DataError, match=rf"{RECORD} is damaged: .*it lacks windows"):
        read_classifier_run(run, "run", measure=False)


@pytest.mark.parametrize(
    ("place", "name", "value"),
    [
        ("", "split", 4), ("", "split", -1), ("", "validation_groups", [None]), ("", "validation_clips", [3]),
        ("", "validation", {"clips": 4}), ("", "validation", RUN["validation"] | {"clip_accuracy": 10**400}),
        ("data", "fps", -1), ("data", "fps", float("inf")),
        ("data", "fps", 10**400), ("data", "stride", 0), ("data", "min_score", float("-inf")),
        ("data", "flip", "yes"), ("data", "detector", 3),
    ],
    ids=lambda value: str(value)[:20],
)  # fmt: skip
def test_a_record_whose_values_cannot_be_is_refused(folders, weights, place, name, value):
    run, record = folders(), copy.deepcopy(RUN)
    (record[place] if place else record)[name] = value
    (run / RECORD).write_text(json.dumps(record))
    (run / WEIGHTS).write_bytes(weights)
    with pytest.raises(DataError, match=rf"{RECORD} is damaged: .*{name}"):
        Trained.load(run, "cpu")


@settings(max_examples=150)
@given(data=st.data())
def test_records_of_runs(damage, folders, weights, windows, data):
    run = folders()
    (run / RECORD).write_bytes(damage.json_bytes(data, RUN))
    (run / WEIGHTS).write_bytes(weights)
    with damage.told():
        read_record(run)
    with damage.told():
        read(run, windows)


@settings(max_examples=50)
@given(data=st.data())
def test_weights_of_runs(damage, folders, weights, data):
    run = folders()
    (run / RECORD).write_text(json.dumps(RUN))
    (run / WEIGHTS).write_bytes(damage.spoiled(data, weights))
    with damage.told():
        assert len(Trained.load(run, "cpu").classes) == 2
