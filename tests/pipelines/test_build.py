"""A build: resumed, replaced, refused, checked, rewindowed; always the same bytes."""

import errno
import json
import os
import random
import shutil
import subprocess
import sys
import textwrap
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from posebeam.pipelines.build import build
from posebeam.pipelines.check import check
from posebeam.pipelines.job import Job
from posebeam.pipelines.listing import Listing
from posebeam.pipelines.manifest import read_manifest
from posebeam.pipelines.rewindow import rewindow
from posebeam.pipelines.settings import PoseSettings, Settings
from posebeam.transforms.errors import ConfigError, DataError, PlanError
from posebeam.transforms.windows import WindowRule

SETTINGS = Settings(PoseSettings("videos", "movenet-lightning", "0" * 64, shards=2), WindowRule(min_score=0.2))


@pytest.fixture(autouse=True)
def stub_backbone(monkeypatch, stub):
    """The graph, the writer and the resume are what is tested here, not a network."""
    monkeypatch.setattr(Job, "load_estimator", lambda self: stub())


def promised(out: Path) -> dict[str, bytes]:
    """Every file under the promise of equal bytes."""
    files = (path for path in out.rglob("*") if path.is_file() and path.name != "run.json")
    return {str(path.relative_to(out)): path.read_bytes() for path in files}


def stamps_of(out: Path, pattern: str = "**/*") -> dict[Path, tuple[int, int]]:
    """Inode and time of the last change: a file that was written again has others."""
    files = ((path, path.stat()) for path in out.glob(pattern) if path.is_file())
    return {path: (stat.st_ino, stat.st_mtime_ns) for path, stat in files}


def rows_of_clips(out: Path) -> dict[str, dict]:
    """The product clips, by clip id."""
    return {row["clip_id"]: row for path in (out / "clips").glob("*") for row in pq.read_table(path).to_pylist()}


@pytest.fixture
def done(clips, tmp_path):
    out = tmp_path / "done"
    build(Listing(clips), SETTINGS, out)
    return out


def test_a_build_adds_up_and_is_what_it_says(clips, broken, tmp_path):
    out = tmp_path / "out"
    built = build(Listing((*clips, broken), missing=("a", "b")), SETTINGS, out)
    assert built.manifest["clips"] == {"listed": 13, "built": 10, "rejected": 1, "missing": 2}
    assert check(out) == []
    files = sorted((out / "rejected").glob("train-*"))
    (row,) = pa.concat_tables([pq.read_table(path) for path in files]).to_pylist()
    assert (row["clip_id"], row["stage"]) == ("left/broken.avi", "decode")
    told = rows_of_clips(out)
    assert sorted(told) == sorted(ref.clip_id for ref in (*clips, broken))
    assert [name for name, row in told.items() if row["rejected"]] == ["left/broken.avi"]
    assert sum(row["frames"] for row in told.values()) == built.manifest["frames"]
    assert sum(row["windows"] for row in told.values()) == sum(
        rows for name, rows in built.manifest["rows"].items() if name.startswith("windows/")
    )
    assert not (out / "_tmp").exists()


def test_windows_are_what_the_chain_makes_of_the_poses(done):
    table = pq.read_table(next((done / "windows").glob("test-*-of-00002.parquet")))
    x = np.stack(table["x"].to_numpy()).reshape(-1, 30, 13, 4)
    assert x.dtype == np.float32
    assert np.isfinite(x).all()
    assert np.stack(table["valid"].to_numpy()).shape[1] == 390
    assert table["start"].to_pylist()[0] == 0
    assert set(table["label_name"].to_pylist()) <= {"left", "right"}
    assert table["clip_id"].to_pylist() == sorted(table["clip_id"].to_pylist())


def test_bytes_do_not_depend_on_the_run(clips, done, tmp_path):
    build(Listing(tuple(reversed(clips))), SETTINGS, tmp_path / "again")
    assert promised(tmp_path / "again") == promised(done)


def test_a_second_run_does_nothing(clips, done):
    stamps = stamps_of(done)
    built = build(Listing(clips), SETTINGS, done)
    assert (built.skipped, built.run["decoded"]) == (4, 0)
    assert stamps_of(done) == stamps


def test_only_what_is_lost_is_built_again(clips, done):
    before = promised(done)
    lost = next((done / "windows").glob("train-00001-*"))
    kept = stamps_of(done, "*/*-00000*")
    lost.unlink()
    built = build(Listing(clips), SETTINGS, done)
    in_shard = json.loads((done / "_shards/train-00001.json").read_text())["built"]
    assert (built.skipped, built.run["decoded"]) == (3, in_shard)
    assert stamps_of(done, "*/*-00000*") == kept
    assert promised(done) == before


def test_another_video_redoes_only_its_shard(clips, done, tmp_path):
    build(Listing(clips[1:]), SETTINGS, tmp_path / "grows")
    built = build(Listing(clips), SETTINGS, tmp_path / "grows")
    assert built.skipped == 3
    assert promised(tmp_path / "grows") == promised(done)


def test_a_split_that_vanished_leaves_the_manifest_too(clips, done, tmp_path):
    left = Listing(tuple(ref for ref in clips if ref.split == "train"))
    assert build(left, SETTINGS, done).run["decoded"] == 0
    assert check(done) == []
    build(left, SETTINGS, tmp_path / "fresh")
    assert promised(done) == promised(tmp_path / "fresh")
    stamps = stamps_of(done)
    build(left, SETTINGS, done)
    assert stamps_of(done) == stamps


def test_a_manifest_that_says_something_else_is_written_again(clips, done):
    before, path = promised(done), done / "manifest.json"
    told = json.loads(path.read_text())
    for text in ("{", json.dumps(told | {"clips": told["clips"] | {"missing": 7}})):
        path.write_text(text)
        build(Listing(clips), SETTINGS, done)
        assert promised(done) == before


def test_other_numbers_of_shards_leave_no_old_file(clips, done):
    build(Listing(clips), replace(SETTINGS, poses=replace(SETTINGS.poses, shards=1)), done, overwrite=True)
    assert {path.name for path in (done / "windows").iterdir()} == {
        "train-00000-of-00001.parquet", "test-00000-of-00001.parquet",
    }  # fmt: skip


def test_another_configuration_is_refused_and_overwrite_replaces(clips, done):
    other = replace(SETTINGS, windows=replace(SETTINGS.windows, stride=30))
    before = promised(done)
    with pytest.raises(PlanError, match="stride"):
        build(Listing(clips), other, done)
    assert promised(done) == before
    build(Listing(clips), other, done, overwrite=True)
    assert read_manifest(done)["config"]["stride"] == 30


def test_two_drivers_do_not_share_a_folder(clips, tmp_path):
    import fcntl

    (tmp_path / "_tmp").mkdir()
    with (tmp_path / "_tmp/lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(PlanError, match="another build"):
            build(Listing(clips), SETTINGS, tmp_path)


def test_flags_that_beam_does_not_know_are_refused(clips, tmp_path):
    with pytest.raises(ConfigError, match="--nonsense"):
        build(Listing(clips), SETTINGS, tmp_path / "out", beam_args=["--nonsense=1"])
    with pytest.raises(ConfigError, match="DaskRunner"):
        build(Listing(clips), SETTINGS, tmp_path / "out", beam_args=["--runner=DaskRunner"])


def test_windows_again_by_the_same_rule_are_the_same_bytes(done, tmp_path):
    rewindow(done, tmp_path / "new", SETTINGS.windows)
    assert promised(tmp_path / "new") == promised(done)


def test_windows_again_by_another_rule(done, tmp_path):
    manifest = rewindow(done, tmp_path / "new", replace(SETTINGS.windows, stride=5, chain="act-repaired"))
    assert manifest["config"]["chain"] == "act-repaired"
    assert manifest["rows"]["windows/train"] > read_manifest(done)["rows"]["windows/train"]
    assert check(tmp_path / "new") == []


def test_manifest_and_card_say_that_frames_without_the_person_are_left_out(done, tmp_path):
    """Whoever asks a model must leave them out as well. What is not left out is not said, as before."""
    manifest = rewindow(done, tmp_path / "new", replace(SETTINGS.windows, gaps="drop"))
    assert (manifest["config"]["gaps"], "gaps" in read_manifest(done)["config"]) == ("drop", False)
    cards = [(folder / "README.md").read_text() for folder in (done, tmp_path / "new")]
    assert ["without the person are left out" in card for card in cards] == [False, True]


def test_windows_again_of_a_data_set_that_grew_leave_no_old_file(clips, tmp_path, monkeypatch):
    """With more clips train has two shards, where it had one."""
    monkeypatch.setattr("posebeam.pipelines.plan.CLIPS_PER_SHARD", 4)
    settings = replace(SETTINGS, poses=replace(SETTINGS.poses, shards=0))
    out, new, rule = tmp_path / "out", tmp_path / "new", replace(SETTINGS.windows, stride=5)
    for held in ([ref for ref in clips if ref.split == "test" or ref.group < "g4"], clips):
        build(Listing(tuple(held)), settings, out)
        rewindow(out, new, rule)
        assert check(new) == []
    rewindow(out, tmp_path / "fresh", rule)
    assert promised(new) == promised(tmp_path / "fresh")


def test_windows_that_are_replaced_are_whole_only_at_the_end(done, tmp_path, monkeypatch):
    rewindow(done, tmp_path / "new", SETTINGS.windows)
    monkeypatch.setattr("posebeam.pipelines.product_file.write_parquet", full_disk)
    with pytest.raises(OSError, match="No space left"):
        rewindow(done, tmp_path / "new", SETTINGS.windows)
    with pytest.raises(DataError, match="unfinished"):
        read_manifest(tmp_path / "new")


def flip_a_byte(out):
    path = next((out / "windows").glob("train-*"))
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def lose_a_file(out):
    next((out / "poses").glob("test-*")).unlink()


def rewrite(path, change):
    table = pq.read_table(path)
    pq.write_table(change(table), path)


def swap_the_layout(out):
    path = next((out / "windows").glob("train-*"))
    swapped = lambda table: table.replace_schema_metadata(  # noqa: E731
        table.schema.metadata | {b"posebeam.layout": b"act13-body25"}
    )
    rewrite(path, swapped)


def put_a_group_on_both_sides(out):
    test, train = (
        next(path for path in (out / "poses").glob(f"{split}-*") if pq.read_metadata(path).num_rows)
        for split in ("test", "train")
    )
    stranger, schema = pq.read_table(test)["group"][0], pq.read_schema(test)
    number, field = schema.get_field_index("group"), schema.field("group")
    rewrite(train, lambda table: table.set_column(number, field, pa.array([stranger] * len(table))))
    adopt(out, train)


def count_a_window_too_many(out):
    path = next(path for path in (out / "clips").glob("train-*") if pq.read_metadata(path).num_rows)
    schema = pq.read_schema(path)
    number = schema.get_field_index("windows")
    more = lambda table: table.set_column(  # noqa: E731
        number, schema.field(number), pa.array([count + 1 for count in table["windows"].to_pylist()], pa.int32())
    )
    rewrite(path, more)
    adopt(out, path)


def adopt(out, path):
    """Make the planted fault look right to every check but the one that is meant."""
    from posebeam.pipelines.publish import file_sha256, publish_json

    manifest, name = read_manifest(out), str(path.relative_to(out))
    for file in manifest["files"]:
        if file["path"] == name:
            old, file["sha256"] = file["sha256"], file_sha256(path)
    publish_json(manifest, out, "manifest.json")
    for receipt in (out / "_shards").iterdir():
        receipt.write_text(receipt.read_text().replace(old, file_sha256(path)))


@pytest.mark.parametrize(
    ("plant", "finding"),
    [
        (flip_a_byte, "sha256"),
        (lose_a_file, "missing"),
        (swap_the_layout, "layout 'act13-body25'"),
        (put_a_group_on_both_sides, "both sides of split"),
        (count_a_window_too_many, "windows of left/"),
        (lambda out: (out / "windows/train-00009-of-00010.parquet").touch(), "does not know"),
        (lambda out: (out / "_shards/train-00000.json").unlink(), "receipt"),
    ],
)
def test_check_finds_planted_faults(done, plant, finding):
    plant(done)
    assert any(finding in found for found in check(done))


def test_an_unfinished_folder_is_refused(done):
    (done / "manifest.json").unlink()
    with pytest.raises(DataError, match="unfinished"):
        check(done)


KILLED = """
    import json, os, pathlib, signal, sys
    from posebeam.pipelines import build, job
    from posebeam.pipelines.clip import ClipRef
    from posebeam.pipelines.listing import Listing
    from posebeam.pipelines.settings import Settings
    import importlib.util

    spec = importlib.util.spec_from_file_location("stubs", sys.argv[1])
    stubs = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(stubs)
    job.Job.load_estimator = lambda self: stubs.StubEstimator()
    task = json.loads(sys.argv[2])
    replace, moves = pathlib.Path.replace, 0

    def killing(self, target):
        global moves
        moves += 1
        if moves == task["move"] and not task["after"]:
            os.kill(os.getpid(), signal.SIGKILL)
        replace(self, target)
        if moves == task["move"]:
            os.kill(os.getpid(), signal.SIGKILL)

    pathlib.Path.replace = killing
    refs = tuple(ClipRef(**{**ref, "splits": tuple(ref["splits"])}) for ref in task["refs"])
    build.build(Listing(refs), Settings.from_dict(task["settings"]), pathlib.Path(task["out"]))
"""

# What the driver publishes, in order: the plan, then for each of four shards four files and a receipt, then
# card, run.json, manifest.
MOVES = {"plan": 1, "shard": 4, "receipt": 11, "manifest": 24}


def kill_at(move, after, clips, out):
    """A driver that kills itself before or after its move-th publication. What it leaves, it leaves in OUT."""
    task = {
        "move": move, "after": after, "out": str(out),
        "refs": [asdict(ref) for ref in clips], "settings": SETTINGS.as_dict(),
    }  # fmt: skip
    stubs = Path(__file__).parent / "conftest.py"
    command = [sys.executable, "-c", textwrap.dedent(KILLED), str(stubs), json.dumps(task)]
    temporary = out.parent / "temporary"
    temporary.mkdir(exist_ok=True)
    killed = subprocess.run(command, check=False, env=os.environ | {"TMPDIR": str(temporary)})
    assert killed.returncode == -9
    assert not list(temporary.glob("posebeam-*"))


def goes_on(clips, out, done):
    """The same build again keeps what is finished and ends in the bytes of an undisturbed one."""
    finished = stamps_of(out, "_shards/*.json")
    built = build(Listing(clips), SETTINGS, out)
    assert built.skipped == len(finished)
    assert finished.items() <= stamps_of(out, "_shards/*.json").items()
    assert promised(out) == promised(done)


@pytest.mark.slow
@pytest.mark.parametrize("stage", MOVES)
@pytest.mark.parametrize("after", [False, True])
def test_a_killed_build_goes_on_to_the_same_bytes(clips, done, tmp_path, stage, after):
    kill_at(MOVES[stage], after, clips, tmp_path / "killed")
    goes_on(clips, tmp_path / "killed", done)


@pytest.mark.slow
def test_a_build_killed_anywhere_goes_on_to_the_same_bytes(clips, done, tmp_path):
    seed = int.from_bytes(os.urandom(2))
    print(f"seed {seed}")  # shown if it fails
    dice = random.Random(seed)
    for number in range(2):
        out = tmp_path / str(number)
        kill_at(dice.randint(1, max(MOVES.values())), dice.random() < 0.5, clips, out)
        goes_on(clips, out, done)


def test_a_disk_that_is_full_changes_no_finished_file(clips, done, monkeypatch):
    before = promised(done)
    shutil.rmtree(done / "windows")
    monkeypatch.setattr("posebeam.pipelines.product_file.write_parquet", full_disk)
    with pytest.raises(OSError, match="No space left") as told:
        build(Listing(clips), SETTINGS, done)
    assert told.value.errno == errno.ENOSPC  # as the system said it, without Beam's name of a step
    after = promised(done)
    assert {name: before[name] for name in after} == after


def full_disk(*args):
    raise OSError(errno.ENOSPC, "No space left on device")


def persons(out: Path, product: str) -> set[tuple[str, int]]:
    """Who is in a product: clips with the persons' numbers."""
    tables = [pq.read_table(path, columns=["clip_id", "person"]) for path in sorted((out / product).glob("*"))]
    return {(row["clip_id"], row["person"]) for table in tables for row in table.to_pylist()}


def test_poses_hold_everybody_and_windows_whom_the_rule_wants(clips, tmp_path, monkeypatch, stub):
    monkeypatch.setattr(Job, "load_estimator", lambda self: stub(several=True))
    outs = {}
    for person in ("main", "all"):
        outs[person] = tmp_path / person
        rule = replace(SETTINGS.windows, person=person)
        build(Listing(clips), replace(SETTINGS, windows=rule), outs[person])
        assert check(outs[person]) == []
    both = {(ref.clip_id, person) for ref in clips for person in (0, 1)}
    assert (
        persons(outs["main"], "poses") == persons(outs["all"], "poses") == persons(outs["all"], "windows") == both
    )
    mains = persons(outs["main"], "windows")
    assert len(mains) == len({clip_id for clip_id, _ in mains}) == len(clips)
    for person, other in (("main", "all"), ("all", "main")):
        again = tmp_path / f"{person} again"
        rewindow(outs[other], again, replace(SETTINGS.windows, person=person))
        assert promised(again) == promised(outs[person])


def test_a_lower_frame_rate_leaves_frames_out_and_is_written_down(clips, tmp_path):
    out = tmp_path / "out"
    slower = replace(SETTINGS, poses=replace(SETTINGS.poses, fps=12.5))
    manifest = build(Listing(clips), slower, out).manifest
    full = build(Listing(clips), SETTINGS, tmp_path / "full").manifest
    assert manifest["frames"] == pytest.approx(full["frames"] / 2, abs=len(clips))
    assert manifest["config"]["fps"] == 12.5
    row = pq.read_table(next((out / "poses").glob("train-*"))).to_pylist()[0]
    assert np.diff(row["seconds"]) == pytest.approx(0.08, abs=1e-4)
    footer = pq.read_schema(next((out / "windows").glob("*"))).metadata
    assert footer[b"posebeam.fps"] == b"12.5"


def test_a_clip_without_a_window_is_named(clips, tmp_path):
    rule = replace(SETTINGS.windows, min_score=0.95)  # the stub is less sure
    built = build(Listing(clips[:4]), replace(SETTINGS, windows=rule), tmp_path / "out")
    told = dict(warning for receipt in built.receipts for warning in receipt.warnings)
    assert told == {ref.clip_id: "no window of this clip: nobody was seen long enough" for ref in clips[:4]}
    assert built.manifest["clips"]["built"] == 4
    assert [(row["people"], row["windows"]) for row in rows_of_clips(tmp_path / "out").values()] == [(1, 0)] * 4
    again = rewindow(tmp_path / "out", tmp_path / "again", SETTINGS.windows)
    assert all(row["windows"] for row in rows_of_clips(tmp_path / "again").values())
    assert (again["warnings"], check(tmp_path / "again")) == (0, [])
    rewindow(tmp_path / "again", tmp_path / "back", rule)
    assert promised(tmp_path / "back") == promised(tmp_path / "out")
