"""Doctor: what this installation has, and what of it is broken."""

import os
import platform
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from posebeam.workflows.finding import ABSENT, BROKEN, FINE, Finding

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_SHOWN = ("torch", "torchvision", "lightning", "apache-beam", "opencv-python-headless", "pyarrow", "numpy")
_LEAST_FREE = 1 << 30  # bytes: below that a build may end in the middle
_GIGABYTE = 1e9


def examine() -> list[Finding]:
    """Look at everything; a look that fails is a finding itself."""
    return [finding for look in LOOKS for finding in _looked(look)]


def _looked(look: "Look") -> Iterator[Finding]:
    try:
        yield from look()
    except Exception as error:  # whatever is broken here is what is looked for
        what = (look.__doc__ or look.__name__).split(":")[0]
        yield Finding(
            what, f"{type(error).__name__}: {error}", BROKEN, "reinstall: pip install --force-reinstall ."
        )


def _system() -> Iterator[Finding]:
    """posebeam: its own version, and what it stands on."""
    python = f"Python {platform.python_version()}, {platform.system()} {platform.machine()}"
    yield Finding("posebeam", f"{metadata.version('posebeam')}, {python}, {os.cpu_count()} cores")


def _packages() -> Iterator[Finding]:
    """packages: those that posebeam needs, in versions that it takes."""
    from packaging.requirements import Requirement

    every = [Requirement(line) for line in metadata.requires("posebeam") or ()]
    needed = [each for each in every if each.marker is None or each.marker.evaluate({"extra": ""})]
    unmet = {str(each): text for each in needed if (text := _unmet(each.name, each.specifier.contains))}
    if unmet:
        advice = f"pip install {shlex.join(unmet)}"
        yield Finding("packages", "; ".join(unmet.values()), BROKEN, advice)
    else:
        yield Finding("packages", ", ".join(f"{name} {_version(name)}" for name in _SHOWN))


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""


def _unmet(name: str, takes: Callable[..., bool]) -> str:
    """What is wrong with a needed package; "" if nothing is."""
    version = _version(name)
    if not version:
        return f"{name} is missing"
    return "" if takes(version, prereleases=True) else f"{name} {version} is too old"


def _devices() -> Iterator[Finding]:
    """devices: where networks can run."""
    import torch

    if torch.cuda.is_available():
        cards = [torch.cuda.get_device_properties(number) for number in range(torch.cuda.device_count())]
        names = ", ".join(f"{card.name} ({card.total_memory / _GIGABYTE:.0f} GB)" for card in cards)
        yield Finding("cuda", f"{names}, CUDA {torch.version.cuda}")
    else:
        why = "this torch is built without CUDA" if torch.version.cuda is None else "torch sees no CUDA device"
        yield Finding("cuda", f"{why}: networks run on {torch.get_num_threads()} CPU threads", ABSENT)


def _decoders() -> Iterator[Finding]:
    """decoders: videos and images are written and read back."""
    import cv2
    import numpy as np

    lines = (line.split(":", 1) for line in cv2.getBuildInformation().splitlines() if ":" in line)
    built = {name.strip(): value.strip() for name, value in lines}
    video = f"OpenCV {cv2.__version__}, avcodec {built.get('avcodec', 'not built in')}"
    picture = np.full((64, 64, 3), 128, np.uint8)
    with tempfile.TemporaryDirectory(prefix="posebeam-") as folder:
        wrong = _read_back(Path(folder) / "a.mp4", picture)
    kinds = [kind for kind in (".jpg", ".png", ".webp", ".tiff", ".bmp") if not cv2.imencode(kind, picture)[0]]
    wrong += f"no images {', '.join(kinds)}" if kinds else ""
    advice = "pip install --force-reinstall opencv-python-headless, and remove other opencv-* packages"
    yield Finding("decoders", wrong or video, BROKEN if wrong else FINE, advice if wrong else "")


def _read_back(path: Path, picture: "NDArray[np.uint8]") -> str:
    """Write a short video as overlays are and decode it; what went wrong, or ""."""
    from posebeam.pipelines.decode import open_clip
    from posebeam.transforms.errors import PosebeamError
    from posebeam.workflows.video_sink import VideoSink

    try:
        with VideoSink(path, 25.0) as sink:
            for _ in range(5):
                sink.write(picture)
        frames = sum(1 for _ in open_clip(path))
    except PosebeamError as error:
        return f"an mp4 of our own cannot be written and read: {error}"
    return "" if frames == 5 else f"of 5 frames of an mp4 {frames} came back"


def _weights() -> Iterator[Finding]:
    """weights: those of the package by their sha256, and what the cache holds."""
    from posebeam.models.registry import rows
    from posebeam.models.weights import cache_folder, locate
    from posebeam.transforms.errors import WeightsError

    names, wrong = [], []
    for row in rows():
        if row.weights and row.weights.embedded:
            try:
                locate(row.name, row.weights)
                names.append(row.name)
            except WeightsError as error:
                wrong.append(str(error))
    advice = "reinstall posebeam: its files were changed or cut short" if wrong else ""
    yield Finding(
        "weights", "; ".join(wrong) or f"{', '.join(names)}: sha256 right", BROKEN if wrong else FINE, advice
    )
    yield _place("cache", cache_folder(), "set POSEBEAM_CACHE to a folder that you can write to")


def _place(what: str, folder: Path, advice: str) -> Finding:
    """Whether a folder, or the first of its parents that is there, can be written to and has room."""
    there = next(each for each in (folder, *folder.parents) if each.exists())
    held = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) if what == "cache" else 0
    free = shutil.disk_usage(there).free
    text = f"{folder}: {free / _GIGABYTE:.1f} GB free" + (f", {held / _GIGABYTE:.2f} GB held" if held else "")
    if not (there.is_dir() and os.access(there, os.W_OK)):
        return Finding(what, f"{folder} cannot be written to", BROKEN, advice)
    return Finding(what, text, BROKEN if free < _LEAST_FREE else FINE, advice if free < _LEAST_FREE else "")


def _disk() -> Iterator[Finding]:
    """disk: where temporary files go."""
    yield _place("temporary", Path(tempfile.gettempdir()), "set TMPDIR to a folder with room")


def _engines() -> Iterator[Finding]:
    """engines: what carries a build besides this machine, all optional."""
    import apache_beam

    yield Finding("local engine", f"Apache Beam {apache_beam.__version__}: --workers N on this machine")
    java = _said("java", "-version")
    yield _optional("Spark, Flink", java, "install Java 11 or newer for -- --runner=SparkRunner or FlinkRunner")
    gcp = _version("google-apitools")
    yield _optional("Dataflow", gcp and f"google-apitools {gcp}", "pip install 'posebeam[gcp]'")
    yield _optional("containers", _said("docker", "--version"), "only for runners whose workers are containers")


def _stores() -> Iterator[Finding]:
    """object stores: what SOURCE and OUT may lie in, all optional."""
    for scheme, package, extra in (("gs://", "google-cloud-storage", "gcp"), ("s3://", "boto3", "aws")):
        version = _version(package)
        yield _optional(scheme, version and f"{package} {version}", f"pip install 'posebeam[{extra}]'")


def _optional(what: str, found: str, advice: str) -> Finding:
    return Finding(what, found) if found else Finding(what, "not found", ABSENT, advice)


def _said(program: str, flag: str) -> str:
    """The first line of what a program says of its version; "" if it is not there."""
    path = shutil.which(program)
    if not path:
        return ""
    try:
        done = subprocess.run([path, flag], capture_output=True, text=True, timeout=20, check=True)
    except (OSError, subprocess.SubprocessError):
        return ""
    return next(iter((done.stdout + done.stderr).splitlines()), path)


Look = Callable[[], Iterator[Finding]]
LOOKS: tuple[Look, ...] = (_system, _packages, _devices, _decoders, _weights, _disk, _engines, _stores)
