"""Stock: the clips of a shard that were fetched to be measured, kept for when their turn comes."""

import os
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from types import TracebackType
from typing import IO, TYPE_CHECKING

from posebeam.pipelines.stores.address import is_remote
from posebeam.pipelines.stores.fetched import FetchedClip, fetch, opener, path_of
from posebeam.transforms.errors import DecodeError

if TYPE_CHECKING:
    from posebeam.pipelines.belt import Frames

KEPT_BYTES = 1 << 30
_AT_ONCE = 8  # clips that are fetched side by side


class Stock:
    """Clips by uri; a context manager. Which clip is decoded when follows from their lengths, which stand in their
    headers: so clips in an object store are fetched to be measured, and kept up to `most` bytes. Others are
    fetched again. On the disk are these, and what is being decoded.
    """

    def __init__(self, most: int = KEPT_BYTES):
        self._room, self._lock = most, threading.Lock()
        self._kept: dict[str, IO[bytes]] = {}

    def lengths(self, uris: Iterable[str], length: Callable[[str], int]) -> list[int]:
        """length(path) of each; 0 of one that is not there, as of one that cannot be read."""
        with ThreadPoolExecutor(_AT_ONCE, "measure") as pool:
            return list(pool.map(partial(self._measure, length), uris))

    def _measure(self, length: Callable[[str], int], uri: str) -> int:
        if not is_remote(uri):
            return length(uri)
        try:
            file = fetch(uri)
        except DecodeError:
            return 0
        found = length(path_of(file))
        self._keep(uri, file)
        return found

    def _keep(self, uri: str, file: IO[bytes]) -> None:
        size = os.fstat(file.fileno()).st_size
        with self._lock:
            if size <= self._room:
                self._room -= size
                self._kept[uri] = file
                return
        file.close()

    def _take(self, uri: str) -> IO[bytes]:
        with self._lock:
            kept = self._kept.pop(uri, None)
        return kept if kept is not None else fetch(uri)

    def opener(self, uri: str, open_local: Callable[[str], "Frames"]) -> Callable[[], "Frames"]:
        """What a Prefetch calls to open a clip, wherever it lies; a clip that was kept is taken out."""
        if is_remote(uri):
            return partial(FetchedClip, partial(self._take, uri), open_local)
        return opener(uri, open_local)

    def __enter__(self) -> "Stock":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let go of what nobody took."""
        for file in self._kept.values():
            file.close()
        self._kept.clear()
