"""Clips by name: whole ids, unique ends, and near names in the error."""

from pathlib import Path

import pytest

from posebeam.pipelines.stored import find_clip
from posebeam.transforms.errors import ConfigError

IDS = ["train/Archery/v_g01.avi", "train/Archery/v_g02.avi", "test/Bowling/v_g01.avi", "v_g01.avi", "x/a.b.mp4"]
OUT = Path("out")


@pytest.mark.parametrize(
    ("name", "clip_id"),
    [
        ("v_g01.avi", "v_g01.avi"),  # exact, although others end so
        ("Archery/v_g01.avi", "train/Archery/v_g01.avi"),
        ("Bowling/v_g01", "test/Bowling/v_g01.avi"),
        ("v_g02", "train/Archery/v_g02.avi"),
        ("/v_g02", "train/Archery/v_g02.avi"),
        ("a.b", "x/a.b.mp4"),
    ],
)
def test_a_name_means_one_clip(name, clip_id):
    assert find_clip(name, IDS, OUT) == clip_id


def test_a_name_that_several_end_with_is_refused():
    with pytest.raises(
        ConfigError, match=r"could mean train/Archery/v_g01.avi, test/Bowling/v_g01.avi, v_g01.avi"
    ):
        find_clip("v_g01", IDS, OUT)
    many = [f"walk/{number}.avi" for number in range(9)]
    with pytest.raises(ConfigError, match="and 4 more of out: say more"):
        find_clip(".avi", many, OUT)


def test_of_no_clip_at_all_nothing_is_near():
    with pytest.raises(ConfigError, match=r"out holds no poses of a clip 'v_g01'\. A clip in which nobody"):
        find_clip("v_g01", [], OUT)
