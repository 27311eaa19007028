"""Watchdog: ends the run when a worker process of the local runner dies, or at Ctrl-C; Beam would wait on."""

import os
import signal
import sys
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path

from grpc import RpcError

_WORKER_THREAD = "run_worker"  # Beam's thread that waits for a worker process and raises if it fails


@contextmanager
def watchdog(apart: bool) -> Iterator[None]:
    """While it is open, the end of a worker process ends this one with exit code 1 and a sentence; where workers
    are processes apart, Ctrl-C does so too.

    The main thread sits inside Beam and cannot be woken by an exception; finished shards keep.
    """
    before = threading.excepthook

    def end(args: threading.ExceptHookArgs) -> None:
        name = args.thread.name if args.thread is not None else ""
        if name == _WORKER_THREAD:
            _leave(f"a worker process died ({args.exc_value}); finished shards are kept, the same command goes on")
        if not issubclass(args.exc_type, RpcError):  # the worker's channels end with it
            before(args)

    threading.excepthook = end
    try:
        with _interruptible() if apart else nullcontext():
            yield
    finally:
        threading.excepthook = before


@contextmanager
def _interruptible() -> Iterator[None]:
    """Ctrl-C ends the workers and this process; in a thread that is not the main one signals are another's."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    said = "interrupted; finished shards are kept, the same command goes on"
    before = signal.signal(signal.SIGINT, lambda *_: _leave(said))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _leave(text: str) -> None:
    """End the workers and this process, which Beam would keep waiting for them."""
    _kill_descendants()
    print(f"\nposebeam: {text}", file=sys.stderr, flush=True)
    os._exit(1)


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
