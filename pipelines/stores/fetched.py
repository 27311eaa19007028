"""Fetched: the bytes of an object in a file without a name, for libraries that read files only."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from tempfile import TemporaryFile
from time import monotonic
from typing import IO, TYPE_CHECKING

from posebeam.models.private import make_private
from posebeam.pipelines.stores.address import address, is_remote, mirrors
from posebeam.pipelines.stores.store import asked
from posebeam.transforms.errors import DecodeError

if TYPE_CHECKING:
    from posebeam.pipelines.belt import Frames
    from posebeam.pipelines.decode import DecodeReport, Frame


def fetch(uri: str) -> IO[bytes]:
    """The object in an unnamed file on the disk of the cache. Nothing of it is left when it is closed, nor when
    the process is killed.

    DecodeError if the store has no such object, or not for us: the others of a shard can do without it. StoreError
    if the store gave up, for that is no fault of the clip's.
    """
    file = TemporaryFile(dir=make_private(mirrors()))  # noqa: SIM115  the caller closes it
    try:
        with asked(uri) as (store, bucket, name):
            store.fetch(bucket, name, file)
        file.flush()
    except (FileNotFoundError, PermissionError) as error:
        file.close()
        raise DecodeError(f"cannot be fetched: {error.strerror}") from error
    except BaseException:
        file.close()
        raise
    return file


def path_of(file: IO[bytes]) -> str:
    """A path under which this process can open an unnamed file, as long as it is open."""
    return f"/proc/self/fd/{file.fileno()}"


@contextmanager
def here(named: str) -> Iterator[str]:
    """A path of this machine for what is named: itself, or of an object one that is good while this is open.

    What opened it meanwhile can read on afterwards. Raises as fetch does.
    """
    if not is_remote(address(named)):
        yield named
        return
    with fetch(address(named)) as file:
        yield path_of(file)


class FetchedClip:
    """A clip in an object store, fetched before its first frame by the thread that decodes it; see Frames."""

    def __init__(self, get: Callable[[], IO[bytes]], open_local: Callable[[str], "Frames"]):
        self._get, self._open = get, open_local
        self._fetching = True
        self._clip: Frames | None = None

    def __iter__(self) -> Iterator["Frame"]:
        """The frames, of a file that is there as long as they are read."""
        with self._get() as file:
            self._fetching = False
            self._clip = self._open(path_of(file))
            yield from self._clip

    def close(self) -> None:
        """Let go of what was opened."""
        if self._clip is not None:
            self._clip.close()

    @property
    def decoded(self) -> int:
        """Frames decoded so far. While it is fetched it only grows: the store's client has time-outs of its own,
        and a decoder that has not begun has not stalled.
        """
        if self._fetching:
            return int(10 * monotonic())
        return self._clip.decoded if self._clip is not None else 0

    @property
    def report(self) -> "DecodeReport":
        """Only after the last frame."""
        if self._clip is None:
            raise RuntimeError("a clip has its report after its last frame: iterate to the end first")
        return self._clip.report


def opener(named: str, open_local: Callable[[str], "Frames"]) -> Callable[[], "Frames"]:
    """What a Prefetch calls to open a clip, wherever it lies."""
    uri = address(named)
    if is_remote(uri):
        return partial(FetchedClip, partial(fetch, uri), open_local)
    return partial(open_local, named)
