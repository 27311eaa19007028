"""Check 10: what was filmed together stands on one side of every split, and a leak that is planted is found."""

import json
import random
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from posebeam.pipelines.check import check
from posebeam.pipelines.publish import file_sha256
from posebeam.pipelines.sources import ucf101
from posebeam.pipelines.sources.placed import Placed, draw
from posebeam.transforms.split import leaks

PARTS = ("train", "validation", "test")


def filmed(dice: random.Random) -> list[tuple[str, str]]:
    """(group, label) of the clips of a made data set: people who did several things, or videos cut into clips."""
    people = [f"person{number}" for number in range(dice.randint(3, 40))]
    labels = [f"action{number}" for number in range(dice.randint(2, 12))]
    clips = [(dice.choice(people), dice.choice(labels)) for _ in range(dice.randint(10, 400))]
    return clips + [(f"{label}/cut{number}", label) for label in labels for number in range(dice.randint(0, 9))]


def test_random_splits_leak_nothing_and_a_planted_leak_is_found(size, figure):
    """A split by clips instead of groups, or by groups of each label apart, would leak."""
    wanted, clips_seen = size("leaks")["splits"], 0
    for seed in range(wanted):
        dice = random.Random(seed)
        clips = [Placed("", f"{n}.avi", label, group, "", 1) for n, (group, label) in enumerate(filmed(dice))]
        places = [(ref.group, ref.split) for ref in draw(clips, seed)[0]]
        assert leaks(places) == {}, seed
        assert {part for _, part in places} >= {"train", "test"}, seed
        group, part = dice.choice(places)
        other = dice.choice([each for each in PARTS if each != part])
        assert leaks([*places, (group, other)]) == {group: tuple(sorted((part, other)))}, seed
        clips_seen += len(clips)
    figure(
        "10 random splits", f"{wanted:,} of {clips_seen:,} clips: no group on two sides; {wanted:,} of {wanted:,} "
        "planted leaks found", splits=wanted, clips=clips_seen,
    )  # fmt: skip


def test_the_official_splits_leak_nothing(foreign_data, tmp_path, figure):
    """All 13,320 clips of UCF101, as the three pairs of lists deal them; the files are empty."""
    lists = tmp_path / ucf101.LISTS
    shutil.copytree(foreign_data / "ucf101" / ucf101.LISTS, lists)
    for name in ("trainlist01.txt", "testlist01.txt"):
        for line in (lists / name).read_text().split():
            if line.endswith(".avi"):
                (tmp_path / line).parent.mkdir(exist_ok=True)
                (tmp_path / line).touch()
    refs = ucf101.list_clips(tmp_path).refs
    assert len(refs) == 13_320
    for number in range(3):
        assert {ref.splits[number] for ref in refs} == {"train", "test"}
        assert leaks((ref.group, ref.splits[number]) for ref in refs) == {}
    figure("10 official splits", f"3 of {len(refs):,} clips: no group on two sides", clips=len(refs))


def plant(out: Path, dice: random.Random) -> tuple[str, list[str]]:
    """Give a clip of one part the group of another part's clip, and let every other check see nothing of it."""
    tables = {path: pq.read_table(path, partitioning=None) for path in sorted((out / "poses").iterdir())}
    here, there = dice.sample([path for path, table in tables.items() if len(table)], 2)
    while here.name.split("-")[0] == there.name.split("-")[0]:
        there = dice.choice([path for path, table in tables.items() if len(table)])
    stranger, row = dice.choice(tables[there]["group"].to_pylist()), dice.randrange(len(tables[here]))
    groups = tables[here]["group"].to_pylist()
    groups[row] = stranger
    table, schema = tables[here], tables[here].schema
    number = schema.get_field_index("group")
    before = file_sha256(here)
    pq.write_table(table.set_column(number, schema.field("group"), pa.array(groups)), here)
    for path in (out / "manifest.json", *(out / "_shards").iterdir()):
        path.write_text(path.read_text().replace(before, file_sha256(here)))
    return stranger, sorted({path.name.split("-")[0] for path in (here, there)})


def test_check_finds_every_planted_leak(grey_clips, build, size, tmp_path, figure):
    """In a finished data set whose hashes, counts and schemas are all right."""
    wanted, dice = size("leaks")["planted"], random.Random(10)
    build(grey_clips(tmp_path / "source", 12), tmp_path / "sound", 2)
    assert check(tmp_path / "sound") == []
    assert json.loads((tmp_path / "sound/manifest.json").read_text())["clips"]["built"] == 12
    for number in range(wanted):
        out = tmp_path / str(number)
        shutil.copytree(tmp_path / "sound", out)
        group, parts = plant(out, dice)
        assert check(out) == [f"group {group!r} stands on both sides of split: {', '.join(parts)}"]
    figure("10 planted leaks", f"{wanted} of {wanted} found by posebeam check", planted=wanted)
