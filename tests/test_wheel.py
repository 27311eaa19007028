"""Wheel and source distribution: nothing is missing. A package that pyproject.toml forgets vanishes unsaid."""

import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ROOMS = ("transforms", "models", "pipelines", "workflows")
SDIST = "from setuptools import build_meta; build_meta.build_sdist('dist')"


def shipped() -> set[str]:
    """What belongs into the wheel, by the tracked and untracked files of the rooms."""
    files = (path.relative_to(ROOT) for room in ROOMS for path in (ROOT / room).rglob("*") if path.is_file())
    kept = {".py", ".toml", ".safetensors", ".typed", ".html", ".css", ".js"}
    return {str(file) for file in files if file.suffix in kept and "__pycache__" not in file.parts}


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory) -> Path:
    """The source distribution, made of a clean copy and unpacked: build/ of an earlier build would lie."""
    folder = tmp_path_factory.mktemp("sdist")
    caches = shutil.ignore_patterns(
        "__pycache__", ".git", ".venv", ".*_cache", ".lint", ".bench", ".engines", ".hypothesis", "*.egg-info",
        "build", "dist", "demo",
    )  # fmt: skip
    shutil.copytree(ROOT, folder / "copy", ignore=caches)
    subprocess.run([sys.executable, "-c", SDIST], cwd=folder / "copy", check=True, capture_output=True)
    (file,) = (folder / "copy" / "dist").glob("*.tar.gz")
    with tarfile.open(file) as archive:
        archive.extractall(folder, filter="data")
    return folder / file.name.removesuffix(".tar.gz")


@pytest.fixture(scope="module")
def wheel(unpacked) -> set[str]:
    """The names in the wheel that the source distribution gives."""
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "-w", "dist", "."]
    subprocess.run(command, cwd=unpacked, check=True, capture_output=True)
    (file,) = (unpacked / "dist").glob("*.whl")
    return set(zipfile.ZipFile(file).namelist())


def test_whoever_unpacks_the_source_distribution_has_the_checkout(unpacked):
    if not (ROOT / ".git").exists():
        pytest.skip("this is no git checkout: nobody says which files belong to it")
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.split("\0")
    tracked = {name for name in listed if name and (ROOT / name).is_file()}
    assert {name for name in tracked if not (unpacked / name).is_file()} == set()


def test_every_file_of_the_rooms_is_in_the_wheel(wheel):
    want = {
        f"posebeam/{file.removeprefix('workflows/api/')}"
        if file.startswith("workflows/api/")
        else f"posebeam/{file}"
        for file in shipped()
    }
    assert want - wheel == set()


def test_nothing_else_is_in_the_wheel(wheel):
    tops = {name.split("/")[0] for name in wheel}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"posebeam"}
    assert not any("tests" in Path(name).parts for name in wheel)


def test_licence_and_notice_come_along(wheel):
    assert {name.split("/")[-1] for name in wheel if ".dist-info/licenses/" in name} == {"LICENSE", "NOTICE"}


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_cannot_be_imported_under_its_bare_name(room):
    done = subprocess.run(
        [sys.executable, "-c", f"import {room}"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert f"import posebeam.{room}" in done.stderr
