"""A store in memory, which counts what it is asked."""

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import pytest

from posebeam.pipelines.stores.store import Entry


class MemoryStore:
    """Buckets as mappings of names to bytes; see Store. `failing` is raised by whatever concerns these names."""

    def __init__(self) -> None:
        self.buckets: dict[str, dict[str, bytes]] = {"bucket": {}}
        self.versions: dict[str, int] = {}
        self.failing: dict[str, Exception] = {}
        self.requests: list[tuple[str, str]] = []

    @property
    def objects(self) -> dict[str, bytes]:
        """What lies in the bucket of the tests."""
        return self.buckets["bucket"]

    def put(self, name: str, content: bytes) -> None:
        """As somebody else would."""
        self.objects[name] = content
        self.versions[name] = self.versions.get(name, 0) + 1

    def count(self, kind: str) -> int:
        """How often that was asked."""
        return sum(asked == kind for asked, _ in self.requests)

    def _ask(self, kind: str, name: str) -> None:
        self.requests.append((kind, name))
        if name in self.failing:
            raise self.failing[name]

    def entries(self, bucket: str, prefix: str) -> Iterator[Entry]:
        self._ask("list", prefix)
        for name, content in sorted(self.buckets[bucket].items()):
            if name.startswith(prefix):
                yield Entry(name, len(content), str(self.versions.get(name)))

    def fetch(self, bucket: str, name: str, file: BinaryIO) -> None:
        self._ask("fetch", name)
        file.write(self.buckets[bucket][name])

    def upload(self, bucket: str, name: str, file: Path) -> None:
        self._ask("upload", name)
        self.put(name, file.read_bytes())

    def remove(self, bucket: str, name: str) -> None:
        self._ask("remove", name)
        del self.buckets[bucket][name]

    def told(self, error: Exception) -> type[OSError] | None:
        if isinstance(error, KeyError):
            return FileNotFoundError
        return PermissionError if isinstance(error, PermissionError) else None


@pytest.fixture
def store(monkeypatch, tmp_path) -> MemoryStore:
    """What gs:// and s3:// mean in this test; mirrors and spools lie below tmp_path/cache."""
    memory = MemoryStore()
    monkeypatch.setattr("posebeam.pipelines.stores.store.store_of", lambda scheme: memory)
    monkeypatch.setenv("POSEBEAM_CACHE", str(tmp_path / "cache"))
    return memory


@pytest.fixture
def left(tmp_path):
    """What lies in the cache for nobody: unfinished files and spools."""

    def files() -> list[str]:
        root = tmp_path / "cache/stores"
        every = (path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())
        return [name for name in every if not name.startswith(("gs/", "s3/")) and name != "_scratch/lock"]

    return files
