"""The flex template: what it offers is what posebeam build takes, in the form that Dataflow documents."""

import json
import re
import shutil
import subprocess
import urllib.request
from pathlib import Path

import click
import pytest
from apache_beam.options.pipeline_options import PipelineOptions

from posebeam.transforms.errors import ConfigError
from posebeam.workflows.build_settings import of_kind, settings_of
from posebeam.workflows.commands.build import BuildConfig
from posebeam.workflows.commands.build import command as build
from posebeam.workflows.flex_template import ARGUMENTS, SETTINGS, command_line

ROOT = Path(__file__).parent.parent.parent
METADATA = json.loads((ROOT / "flex-template.json").read_text())
PARAMETERS = {parameter["name"]: parameter for parameter in METADATA["parameters"]}
OPTIONAL = [parameter for parameter in METADATA["parameters"] if parameter.get("isOptional")]
FLAGS = ("--runner=DataflowRunner", "--project=some-project", "--template_location=gs://bucket/job.json")


def test_every_parameter_is_one_of_the_command():
    taken = {parameter.name: parameter for parameter in build.params}
    assert set(PARAMETERS) <= set(taken)
    assert {name for name, one in PARAMETERS.items() if not one.get("isOptional")} == set(ARGUMENTS)
    assert not any(isinstance(taken[name].type, click.types.BoolParamType) for name in PARAMETERS)
    assert len(PARAMETERS) == len(METADATA["parameters"])


@pytest.mark.parametrize("parameter", METADATA["parameters"], ids=lambda parameter: parameter["name"])
def test_its_expressions_take_its_default_and_nothing_empty(parameter):
    for text in parameter.get("regexes", ()):
        assert (text[0], text[-1]) == ("^", "$")
        assert not re.search(r"\(\?|\\\d", text), "Dataflow's expressions know no look-around and no references"
        assert re.search(text, parameter.get("defaultValue", "")) or not parameter.get("isOptional")
        assert not re.search(text, "")


@pytest.mark.parametrize("name", ["chain", "person"])
def test_its_expressions_take_every_choice_of_the_command(name):
    (choices,) = (one.type.choices for one in build.params if one.name == name)
    (text,) = PARAMETERS[name]["regexes"]
    assert len(choices) > 1
    assert all(re.search(text, choice) for choice in choices)


def test_its_defaults_change_no_configuration():
    """So that the command that finishes the data set can leave them out. The device says where workers are."""
    plain = settings_of("videos", BuildConfig(device="cpu"))
    types = {name: type(getattr(BuildConfig(), name)) for name in SETTINGS}
    said = {one["name"]: types[one["name"]](one["defaultValue"]) for one in OPTIONAL if "defaultValue" in one}
    assert settings_of("videos", of_kind("videos", BuildConfig(**said))) == plain


def test_no_name_is_one_of_beams():
    beams = PipelineOptions().get_all_options()
    assert not set(PARAMETERS) & set(beams)


def test_what_the_launcher_gives_becomes_a_command_line():
    given = ["--out=gs://b/out", FLAGS[0], "--kind=videos", "--batch_size=8", "--source=gs://b/a=b", *FLAGS[1:]]
    assert command_line(given) == ["build", "--batch-size=8", "videos", "gs://b/a=b", "gs://b/out", "--", *FLAGS]


@pytest.mark.parametrize(
    ("given", "said"), [(["--kind=videos"], "--source="), (["videos"], "--name=value"), ([], "--kind=")]
)
def test_what_is_not_given_is_named(given, said):
    with pytest.raises(ConfigError, match=said):
        command_line(given)


def test_the_image_has_the_launcher_and_the_file_that_it_runs():
    dockerfile = (ROOT / "Dockerfile").read_text()
    (named,) = re.findall(r"FLEX_TEMPLATE_PYTHON_PY_FILE=/opt/posebeam/(\S+)", dockerfile)
    assert "main()" in (ROOT / named).read_text()
    assert re.search(r"^COPY --from=launcher (\S+/python_template_launcher) \1$", dockerfile, re.MULTILINE)
    assert "PYTHONSAFEPATH=1" in dockerfile  # or files beside it would stand before packages of their names


@pytest.mark.slow
def test_dataflow_knows_every_field(part):
    """As a template's spec is written, held against Google's own definition of it."""
    packages = part("gcp", "gcp/lib/python*/site-packages/google/cloud/dataflow_v1beta3").parents[5]
    spec = {"image": "example.org/posebeam:1", "sdkInfo": {"language": "PYTHON"}, "metadata": METADATA}
    read = (
        "import sys; from google.cloud.dataflow_v1beta3.types import ContainerSpec;"
        "spec = ContainerSpec.from_json(sys.stdin.read(), ignore_unknown_fields=False);"
        "print(spec.sdk_info.language.name, *(one.name for one in spec.metadata.parameters))"
    )
    command = [packages / "bin/python", "-c", read]
    done = subprocess.run(command, input=json.dumps(spec), capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.split() == ["PYTHON", *PARAMETERS]


@pytest.fixture
def bucket(part, serve, free_port, tmp_path, monkeypatch):
    """A bucket on loopback with the shipped videos in it; lists what lies in it by name."""
    port, videos = free_port(), ROOT / "tests/media/actions"
    for file in (path for path in videos.rglob("*") if path.is_file()):
        copy = tmp_path / "store/bucket/videos" / file.relative_to(videos)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, copy)
    server = (part("fake-gcs-server", "bin/fake-gcs-server"), "-scheme", "http", "-host", "127.0.0.1")
    place = ("-backend", "memory", "-data", tmp_path / "store", "-public-host", f"127.0.0.1:{port}")
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", f"http://127.0.0.1:{port}")
    monkeypatch.setenv("POSEBEAM_CACHE", str(tmp_path / "cache"))

    def names():
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/storage/v1/b/bucket/o") as answer:
            return {one["name"] for one in json.load(answer)["items"]}

    with serve(port, *server, "-port", port, *place):
        yield names


@pytest.mark.slow
def test_a_launch_leaves_a_plan_and_a_job_and_the_same_build_finishes_it(part, bucket):
    python = part("gcp", "gcp/lib/python*/site-packages/google/cloud/dataflow_v1beta3").parents[5] / "bin/python"
    folders = [f"--{name}_location=gs://bucket/{name}" for name in ("temp", "staging")]
    image = ("--sdk_location=container", "--sdk_container_image=example.org/posebeam:1")
    job = ("--template_location=gs://bucket/job.json", "--region=us-central1", "--no_auth", *folders, *image)
    given = ("--kind=videos", "--source=gs://bucket/videos", "--out=gs://bucket/out", "--fps=10", "--shards=1")
    launch = [python, "-P", ROOT / "workflows/flex_template.py", *given, *FLAGS[:2], *job]
    done = subprocess.run(launch, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr[-2000:]
    assert {"job.json", "out/plan.json"} <= bucket()
    assert not any(name.startswith("out/_shards") for name in bucket())
    build = ("build", "videos", "gs://bucket/videos", "gs://bucket/out", "--fps", "10", "--shards", "1", "--json")
    done = subprocess.run(
        [python, "-m", "posebeam.workflows.cli", *build], capture_output=True, text=True, timeout=200
    )
    assert (done.returncode, json.loads(done.stdout)["built"]) == (0, 10), done.stderr[-2000:]
    assert "out/manifest.json" in bucket()
