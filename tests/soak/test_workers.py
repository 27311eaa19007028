"""Check 9: the number of workers changes no byte."""

import json

import pytest


@pytest.fixture
def source(grey_clips, size, tmp_path):
    return grey_clips(tmp_path / "source", size("workers")["clips"])


def test_any_number_of_workers_writes_the_same_bytes(source, start, build, promised, size, tmp_path, figure):
    """The stub's poses depend on who shares a batch: batches that follow from timing would show here."""
    most = shards = size("workers")["most"]  # shards of a split: ten clips each and more, some side by side
    counts = [count for count in (1, 2, 4) if count <= most]
    outs = {count: tmp_path / str(count) for count in counts}
    build(source, outs[1], shards)
    tasks = [{"source": str(source), "out": str(outs[n]), "shards": shards, "workers": n} for n in counts[1:]]
    driver = start(*tasks)
    _, *lines = driver.communicate()[0].splitlines()
    assert driver.returncode == 0
    assert [len(json.loads(line)["processes"]) for line in lines] == counts[1:]
    expected = promised(outs[1])
    for out in outs.values():
        assert promised(out) == expected
    figure(
        "9 workers", f"{', '.join(map(str, counts))} processes: {len(expected)} files byte-identical",
        workers=counts, files=len(expected),
    )  # fmt: skip
