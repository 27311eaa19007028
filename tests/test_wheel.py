"""The wheel: every room is in it. A package that pyproject.toml forgets vanishes without a word."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ROOMS = ("transforms", "models", "pipelines", "workflows")


def shipped() -> set[str]:
    """What belongs into the wheel, by the tracked and untracked files of the rooms."""
    files = (path.relative_to(ROOT) for room in ROOMS for path in (ROOT / room).rglob("*") if path.is_file())
    kept = {".py", ".toml", ".safetensors", ".typed", ".html", ".css"}
    return {str(file) for file in files if file.suffix in kept and "__pycache__" not in file.parts}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> set[str]:
    copy = tmp_path_factory.mktemp("copy")  # build/ of an earlier build would lie
    for name in ("pyproject.toml", "README.md", "LICENSE", "NOTICE"):
        shutil.copy(ROOT / name, copy / name)
    for room in ROOMS:
        shutil.copytree(ROOT / room, copy / room, ignore=shutil.ignore_patterns("__pycache__"))
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "-w", "dist", "."]
    subprocess.run(command, cwd=copy, check=True, capture_output=True)
    (file,) = (copy / "dist").glob("*.whl")
    return set(zipfile.ZipFile(file).namelist())


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


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_cannot_be_imported_under_its_bare_name(room):
    done = subprocess.run(
        [sys.executable, "-c", f"import {room}"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert f"import posebeam.{room}" in done.stderr
