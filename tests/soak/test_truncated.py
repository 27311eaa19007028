"""Check 2: AVIs that were cut off while they were copied. Every one is flagged, no sound one is."""

import random
import struct
from pathlib import Path

import numpy as np
import pytest

from posebeam.pipelines.decode import open_clip
from posebeam.transforms.errors import DecodeError

CODECS = ("MJPG", "XVID", "mp4v", "FFV1")


def is_flagged(path: Path) -> bool:
    """Whether a person is told that something is lost: the clip is rejected, or its report says cut short."""
    try:
        with open_clip(path) as clip:
            for _ in clip:
                pass
            return any(text.startswith("cut short") for text in clip.report.warnings)
    except DecodeError:
        return True


def is_whole(path: Path) -> bool:
    """Whether the file is as long as its RIFF header says: the judge that the decoder knows nothing of."""
    with path.open("rb") as file:
        head = file.read(8)
    return head[:4] == b"RIFF" and struct.unpack("<I", head[4:])[0] + 8 == path.stat().st_size


def cut(path: Path, whole: Path, die: random.Random) -> Path:
    """The first 2 to 90 % of a file: what is lost holds at least two frames, not the index alone."""
    content = whole.read_bytes()
    frames = content.rindex(b"idx1") if b"idx1" in content else len(content)
    path.write_bytes(content[: int(frames * die.uniform(0.02, 0.9))])
    return path


@pytest.fixture(scope="module")
def sound(size, film, tmp_path_factory):
    """Intact AVIs of 25 to 124 frames with something in them that moves."""
    folder, die = tmp_path_factory.mktemp("sound"), np.random.default_rng(2)
    noise = die.integers(0, 255, (48, 64 + 124, 3), np.uint8)
    return [
        film(
            folder / f"{number}.avi", [noise[:, t : t + 64] for t in range(25 + number % 100)], CODECS[number % 4]
        )
        for number in range(size("truncated")["intact"])
    ]


def all_flagged(clips: list[Path]) -> int:
    """How many there are; fails with the names of those that pass for sound."""
    assert [path.name for path in clips if not is_flagged(path)] == []
    return len(clips)


def none_flagged(clips: list[Path]) -> int:
    """How many there are; fails with the names of those that are called cut and are not."""
    assert [path.name for path in clips if is_flagged(path)] == []
    return len(clips)


def cut_some(clips: list[Path], folder: Path, count: int) -> list[Path]:
    die = random.Random(2)
    return [cut(folder / f"{number}.avi", clips[number % len(clips)], die) for number in range(count)]


def test_every_cut_clip_is_flagged_and_no_sound_one(sound, size, tmp_path, figure):
    """A slack of a tenth in the comparison of header and decoded frames would let some pass."""
    cut = all_flagged(cut_some(sound, tmp_path, size("truncated")["cut"]))
    whole = none_flagged(sound)
    figure("2 truncated AVIs", f"{cut} of {cut} flagged, 0 of {whole} intact ones", cut=cut, intact=whole)


def test_every_cut_clip_of_ucf101_is_flagged_and_no_sound_one(foreign_data, size, tmp_path, figure):
    """XviD and DivX with B-frames; some of this copy's clips came cut, as large files of downloads do."""
    wanted = size("truncated")
    paths = sorted(foreign_data.glob("ucf101/videos/*/*.avi"))
    came_cut = [path for path in paths if not is_whole(path)][: wanted["cut"]]
    sound = [path for path in paths if is_whole(path)]
    sound = sound[:: max(1, len(sound) // wanted["intact"])][: wanted["intact"]]
    assert came_cut
    cut = all_flagged([*came_cut, *cut_some(sound, tmp_path, wanted["cut"])])
    whole = none_flagged(sound)
    figure(
        "2 truncated, UCF101", f"{cut} of {cut} flagged ({len(came_cut)} came cut), 0 of {whole} intact ones",
        cut=cut, intact=whole,
    )  # fmt: skip
