"""The plan: what decides the bytes is in it, what does not is not."""

from dataclasses import replace
from pathlib import Path

import pytest

from posebeam.pipelines.clip import ClipRef
from posebeam.pipelines.limit import limited
from posebeam.pipelines.listing import Listing
from posebeam.pipelines.plan import make_plan, read_plan, write_plan
from posebeam.pipelines.rewindow import plan_of
from posebeam.pipelines.settings import PoseSettings, Settings
from posebeam.transforms.errors import DataError, PlanError, SourceError
from posebeam.transforms.windows import WindowRule

SETTINGS = Settings(PoseSettings("videos", "movenet-lightning", "0" * 64, shards=2), WindowRule(min_score=0.2))


def test_each_clip_stands_in_one_shard_and_every_shard_is_named(clips):
    plan, shards = make_plan(Listing(clips), SETTINGS)
    placed = [ref for refs in shards.values() for ref in refs]
    assert len(placed) == len(clips)
    assert set(placed) == set(clips)
    assert [str(name) for name in sorted(plan.shards)] == [
        "test-00000-of-00002", "test-00001-of-00002", "train-00000-of-00002", "train-00001-of-00002",
    ]  # fmt: skip
    assert plan.listed == len(clips)


def test_where_a_clip_lies_is_not_in_the_plan_but_its_size_is(clips):
    plan, _ = make_plan(Listing(clips), SETTINGS)
    moved, _ = make_plan(Listing(tuple(replace(ref, uri="/elsewhere" + ref.uri) for ref in clips)), SETTINGS)
    assert moved == plan
    grown, _ = make_plan(Listing((replace(clips[0], size=1), *clips[1:])), SETTINGS)
    changed = [name for name in plan.shards if plan.shards[name] != grown.shards[name]]
    assert len(changed) == 1


def test_a_plan_can_be_read_back(clips, tmp_path):
    plan, _ = make_plan(Listing(clips, missing=("x",)), SETTINGS)
    write_plan(plan, tmp_path)
    assert plan_of(read_plan(tmp_path)) == plan


def test_boxes_and_flips_stand_in_the_plan_where_they_are_said(clips, tmp_path):
    """A plan without them is that of before, its hash too."""
    assert not {"detector", "detector_sha256", "flip"} & SETTINGS.as_dict()["poses"].keys()
    said = {"detector": "detr-r50", "detector_sha256": "1" * 64, "flip": True}
    plan, _ = make_plan(Listing(clips), replace(SETTINGS, poses=replace(SETTINGS.poses, **said)))
    assert said.items() <= plan.settings.as_dict()["poses"].items()
    assert plan.hash != make_plan(Listing(clips), SETTINGS)[0].hash
    write_plan(plan, tmp_path)
    assert plan_of(read_plan(tmp_path)) == plan


def test_another_configuration_is_refused_with_the_difference(clips, tmp_path):
    write_plan(make_plan(Listing(clips), SETTINGS)[0], tmp_path)
    other = replace(SETTINGS, windows=replace(SETTINGS.windows, stride=30))
    with pytest.raises(PlanError, match=r"windows.stride: 15 in the folder, 30 now"):
        write_plan(make_plan(Listing(clips), other)[0], tmp_path)


def test_a_folder_of_other_files_is_left_alone(clips, tmp_path):
    (tmp_path / "thesis.docx").touch()
    with pytest.raises(PlanError, match=r"no data set of posebeam"):
        write_plan(make_plan(Listing(clips), SETTINGS)[0], tmp_path)


@pytest.mark.parametrize("text", ["{", '{"schema": "0"}'])
def test_a_damaged_or_foreign_plan_is_named(tmp_path, text):
    (tmp_path / "plan.json").write_text(text)
    with pytest.raises(DataError, match=r"plan.json"):
        read_plan(tmp_path)


def test_a_label_that_is_not_trained_is_an_error(clips):
    stranger = replace(clips[0], clip_id="up/1.avi", label="up", split="test")
    with pytest.raises(SourceError, match="up"):
        make_plan(Listing((*clips, stranger)), SETTINGS)


def test_a_limit_takes_from_all_labels_and_splits():
    refs = tuple(
        ClipRef("/x", f"{label}/{split}{n}", label, "g", split, 1)
        for label in "ab" for split in ("test", "train") for n in range(5)
    )  # fmt: skip
    taken = limited(Listing(refs), 4).refs
    assert {(ref.label, ref.split) for ref in taken} == {(a, b) for a in "ab" for b in ("train", "test")}
    assert {ref.split for ref in limited(Listing(refs), 2).refs} == {"train"}
    assert limited(Listing(refs), 0).refs == refs


def test_nothing_found_is_an_error():
    with pytest.raises(SourceError, match="no clip"):
        limited(Listing(()), 0)


def test_what_a_clip_says_of_itself_is_checked():
    with pytest.raises(SourceError, match="holdout"):
        ClipRef(str(Path("x")), "x", "a", "g", "holdout", 1)
