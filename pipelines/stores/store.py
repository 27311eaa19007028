"""Store: what is asked of an object store, through the client that Beam makes for it."""

import errno
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO, Protocol

from posebeam.transforms.errors import StoreError

_SECRETS = ("s3_access_key_id", "s3_secret_access_key", "s3_session_token")
OF_DISKS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS)  # what a disk here says
_arguments: tuple[str, ...] = ()


@dataclass(frozen=True)
class Entry:
    """An object: its name in the bucket, its bytes, and a tag that is another for other bytes."""

    name: str
    size: int
    tag: str


class Store(Protocol):
    """One scheme's client. Whole objects only: Beam's streams finish an upload also when an error closes them.

    What goes wrong for a while is tried again below; what is left comes out as the client raises it, and `told`
    says what it means: FileNotFoundError, PermissionError, or None for anything else.
    """

    def entries(self, bucket: str, prefix: str) -> Iterator[Entry]: ...
    def fetch(self, bucket: str, name: str, file: BinaryIO) -> None: ...
    def upload(self, bucket: str, name: str, file: Path) -> None: ...
    def remove(self, bucket: str, name: str) -> None: ...
    def told(self, error: Exception) -> type[OSError] | None: ...


def use(beam_args: Sequence[str]) -> None:
    """From now on clients are made with these flags of Beam's, --s3_endpoint_url for one."""
    global _arguments
    _arguments = tuple(beam_args)


def used() -> tuple[str, ...]:
    """The flags that are used, for a worker to use too."""
    return _arguments


def without_secrets(beam_args: Sequence[str]) -> list[str]:
    """The flags as they may be recorded: a key's value is ***."""
    kept: list[str] = []
    for word in beam_args:
        before = kept[-1].lstrip("-") if kept else ""
        name = word.partition("=")[0]
        if "=" in word and name.lstrip("-") in _SECRETS:
            kept.append(f"{name}=***")
        else:
            kept.append("***" if before in _SECRETS else word)
    return kept


def split(uri: str) -> tuple[str, str, str]:
    """gs://bucket/a/b to gs, bucket, a/b."""
    scheme, _, rest = uri.partition("://")
    bucket, _, name = rest.partition("/")
    return scheme, bucket, name


def store_of(scheme: str) -> Store:
    """The client of a scheme, one a process. ConfigError if the packages that it needs are not installed."""
    return _made(scheme, _arguments)


@lru_cache
def _made(scheme: str, arguments: tuple[str, ...]) -> Store:
    from apache_beam.options.pipeline_options import PipelineOptions

    options = PipelineOptions(list(arguments))
    if scheme == "gs":
        from posebeam.pipelines.stores.google import GoogleStore

        return GoogleStore(options)
    from posebeam.pipelines.stores.amazon import AmazonStore

    return AmazonStore(options)


@contextmanager
def asked(uri: str) -> Iterator[tuple[Store, str, str]]:
    """A URI's store, bucket and name. Errors come out as FileNotFoundError, PermissionError or StoreError."""
    scheme, bucket, name = split(uri)
    store = store_of(scheme)
    try:
        yield store, bucket, name
    except Exception as error:
        known = store.told(error)
        if known is FileNotFoundError:
            raise FileNotFoundError(errno.ENOENT, "no such object or bucket", uri) from error
        if known is PermissionError:
            raise PermissionError(errno.EACCES, "the store does not allow it to these credentials", uri) from error
        if isinstance(error, OSError) and error.errno in OF_DISKS:
            raise
        raise StoreError(f"{uri}: the store gave up: {type(error).__name__}: {error}") from error
