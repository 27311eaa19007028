"""Environments: rivals that cannot live beside posebeam's packages get a place of their own, made once."""

import re
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import measure

MEDIAPIPE = ("mediapipe==0.10.21",)
# Each is installed for itself: what does not install takes no part. numpy and torch are posebeam's own.
DECODERS = {"pyav": "av==18.1.0", "decord": "decord==0.6.0", "torchcodec": "torchcodec==0.17.0"}


def mediapipe() -> Path:
    """The interpreter that has MediaPipe, which wants numpy below 2. RuntimeError if it cannot be installed."""
    python = _make("mediapipe", shares=False)
    _install(python, *MEDIAPIPE)
    return python


def decoder(name: str) -> tuple[Path, dict[str, str]]:
    """The interpreter that has this decoder, and variables to start it with. RuntimeError as above."""
    python = _make("decoders", shares=True)
    _install(python, "--no-deps", DECODERS[name])
    if name != "torchcodec":
        return python, {}
    # Its wheel brings no FFmpeg: PyAV's, under the names that it looks for.
    _install(python, "--no-deps", DECODERS["pyav"])
    folders = _ffmpeg(python.parents[1])
    return python, {"LD_LIBRARY_PATH": ":".join(str(folder) for folder in folders)}


def _make(name: str, shares: bool) -> Path:
    """The interpreter of an environment below .bench; one that shares sees the packages of this one too."""
    place = measure.PLACE / name
    if not (place / "bin" / "python").exists():
        venv.create(place, with_pip=True)
        if shares:
            (_packages(place) / "posebeam.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return place / "bin" / "python"


def _packages(place: Path) -> Path:
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    return place / "lib" / version / "site-packages"


def _install(python: Path, *wanted: str) -> None:
    command = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *wanted]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"pip install {wanted[-1]}: {done.stderr.strip().splitlines()[-1]}")


def _ffmpeg(place: Path) -> tuple[Path, Path]:
    """PyAV's libraries, and a folder of links to them: libavcodec-5e6b.so.62.28.102 as libavcodec.so.62."""
    libraries, links = _packages(place) / "av.libs", place / "ffmpeg"
    links.mkdir(exist_ok=True)
    for library in libraries.glob("lib*"):
        name = re.fullmatch(r"(lib(?:av|sw)\w+)-\w+\.so\.(\d+)\..*", library.name)
        if name:
            link = links / f"{name[1]}.so.{name[2]}"
            link.unlink(missing_ok=True)
            link.symlink_to(library)
    return links, libraries
