"""Watchdog: ends the run when a worker process of the local runner dies; Beam would wait for ever."""

import os
import signal
import sys
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from grpc import RpcError

_WORKER_THREAD = "run_worker"  # Beam's thread that waits for a worker process and raises if it fails


@contextmanager
def watchdog() -> Iterator[None]:
    """While it is open, the end of a worker process ends this one with exit code 1 and a sentence.

    The main thread sits inside Beam and cannot be woken by an exception; finished shards keep.
    """
    before = threading.excepthook

    def end(args: threading.ExceptHookArgs) -> None:
        name = args.thread.name if args.thread is not None else ""
        if name == _WORKER_THREAD:
            _kill_descendants()
            print(
                f"posebeam: a worker process died ({args.exc_value}); finished shards are kept, "
                "the same command goes on from there.",
                file=sys.stderr,
                flush=True,
            )
            os._exit(1)
        if not issubclass(args.exc_type, RpcError):  # the worker's channels end with it
            before(args)

    threading.excepthook = end
    try:
        yield
    finally:
        threading.excepthook = before


def _kill_descendants() -> None:
    """End the other workers before they complain of a driver that is gone."""
    children = defaultdict(list)
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            parent = stat.read_text().rpartition(")")[2].split()[1]
            children[int(parent)].append(int(stat.parent.name))
    doomed = children[os.getpid()]
    for pid in doomed:
        doomed += children[pid]
        with suppress(OSError):
            os.kill(pid, signal.SIGKILL)
