"""Progress: what workers report adds up, also while a line is being written."""

import os

from posebeam.pipelines.progress import Reporter, Tally


def test_counts_of_all_processes_add_up(tmp_path):
    with Reporter(tmp_path) as reporter:
        reporter.count("frames", 3)
        reporter.count("clips")
    (tmp_path / "7.jsonl").write_text('{"frames": 4}\n')
    tally = Tally(tmp_path)
    assert tally.read() == {"frames": 7, "clips": 1}
    assert {pid: counts["frames"] for pid, counts in tally.by_process.items()} == {os.getpid(): 3, 7: 4}


def test_reading_again_goes_on_and_waits_for_half_a_line(tmp_path):
    tally, path = Tally(tmp_path), tmp_path / "7.jsonl"
    path.write_text('{"frames": 4}\n{"fra')
    assert tally.read()["frames"] == 4
    path.write_text('{"frames": 4}\n{"frames": 2}\n')
    assert tally.read()["frames"] == 6
    assert tally.read()["frames"] == 6


def test_a_worker_without_the_folder_reports_nothing(tmp_path):
    with Reporter(tmp_path / "elsewhere") as reporter:
        reporter.count("frames")
    assert not list(tmp_path.iterdir())
