"""Check 4: somebody reads the folder all the time while it is written. Every file is whole when it appears."""

import json
from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq

SLOW = 0.01  # seconds for which an unfinished file lies on the disk


def look(out: Path, seen: dict[Path, tuple[int, int]], reads: Counter[str]) -> None:
    """Read all that is visible; a file that was read before must be the same file or another whole one."""
    for path in sorted(out.glob("*.json")) + sorted(out.glob("[!_]*/*")) + sorted(out.glob("_shards/*")):
        try:
            status = path.stat()
            if seen.get(path) == (status.st_ino, status.st_mtime_ns):
                continue
            content = path.read_bytes()
        except FileNotFoundError:  # a manifest goes before the shards that it speaks of
            continue
        seen[path] = (status.st_ino, status.st_mtime_ns)
        if path.suffix == ".json":
            json.loads(content)
            reads["json"] += 1
        else:
            assert content[:4] == content[-4:] == b"PAR1", f"{path.name}: {len(content)} bytes"
            pq.ParquetFile(path).read()
            reads["parquet"] += 1


def test_a_reader_never_sees_half_a_file(grey_clips, start, size, tmp_path, figure):
    """The disk is slow: were a file written under its own name, it would be seen without its end."""
    shards, out = size("reader")["shards"], tmp_path / "out"
    source, seen, reads, looks = grey_clips(tmp_path / "source", 2 * shards, 5), {}, Counter(), 0
    driver = start({"source": str(source), "out": str(out), "shards": shards // 2, "slow_disk": SLOW})
    while driver.poll() is None:
        look(out, seen, reads)
        looks += 1
    assert driver.returncode == 0, driver.stderr.read()
    look(out, seen, reads)
    written = list(out.rglob("*.parquet"))
    assert len(written) == 4 * shards  # poses, windows, clips, rejected
    assert {path for path in seen if path.suffix == ".parquet"} == set(written)
    assert looks > shards
    figure(
        "4 reader", f"{looks:,} looks during {shards} shards: {len(seen)} files, all whole when first seen",
        shards=shards, looks=looks, files=len(seen), **reads,
    )  # fmt: skip
