"""Weights: where a backbone's file lies. Embedded, in the cache, or fetched into it; its hash is checked."""

import hashlib
import os
import urllib.request
from importlib import resources
from pathlib import Path

from posebeam.models.private import private_beside
from posebeam.models.row import Weights
from posebeam.transforms.errors import WeightsError

TIMEOUT = 60  # seconds without a byte


def locate(name: str, weights: Weights) -> Path:
    """The file of the backbone `name`, after its sha256 was checked; fetched into the cache if it is not there."""
    if weights.embedded:
        return checked(Path(str(resources.files("posebeam.models") / "weights" / weights.file)), weights.sha256)
    if weights.run:
        return checked(Path(weights.run) / weights.file, weights.sha256)
    path = cache_folder() / name / weights.filename
    if not path.exists():
        fetch(weights, path)
    return checked(path, weights.sha256)


def cache_folder() -> Path:
    """$POSEBEAM_CACHE, else posebeam/ below $TORCH_HOME, $XDG_CACHE_HOME or ~/.cache."""
    if own := os.environ.get("POSEBEAM_CACHE"):
        return Path(own)
    shared = os.environ.get("TORCH_HOME") or os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(shared) / "posebeam"


def fetch(weights: Weights, path: Path) -> None:
    """Download to a temporary name beside `path`, check, rename; WeightsError saying what to do by hand."""
    if weights.page:
        raise WeightsError(
            f"{path} does not exist: its publisher gives no direct address; download {weights.file} from "
            f"{weights.page} and put it there, or pass it (--weights FILE; posebeam weights: --file FILE)"
        )
    if os.environ.get("POSEBEAM_OFFLINE", "0") not in ("", "0"):
        raise WeightsError(
            f"POSEBEAM_OFFLINE is set, and {path} does not exist: fetch {weights.url} elsewhere and put it there"
        )
    try:
        with private_beside(path) as part:
            _download(weights.url, part)
            checked(part, weights.sha256, said=weights.url).replace(path)
    except OSError as error:
        why = getattr(error, "reason", error)  # of urllib's errors the part for people
        raise WeightsError(
            f"{weights.url} cannot be fetched: {why}; try again, or fetch it elsewhere and put it to {path}"
        ) from error


def _download(url: str, path: Path) -> None:
    """All bytes behind the url, which are as many as the server said."""
    with urllib.request.urlopen(url, timeout=TIMEOUT) as answer, path.open("wb") as file:  # noqa: S310
        expected = answer.headers.get("Content-Length")
        while block := answer.read(1 << 20):
            file.write(block)
    if expected and path.stat().st_size != int(expected):
        raise WeightsError(f"{url}: got {path.stat().st_size} bytes, expected {expected}; try again")


def checked(path: Path, sha256: str, said: str = "") -> Path:
    """The path itself; WeightsError if the file is missing or its hash begins otherwise than the one stated."""
    if not path.is_file():
        raise WeightsError(f"{said or path}: no such file")
    if sha256 and not (got := sha256_of(path)).startswith(sha256):
        raise WeightsError(
            f"{said or path}: sha256 {got} of {path.stat().st_size} bytes, expected {sha256}; "
            "it is another file, or damaged: remove it, and it is fetched again"
        )
    return path


def sha256_of(path: Path) -> str:
    """The file's sha256 in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
