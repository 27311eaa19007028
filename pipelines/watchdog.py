"""Watchdog: ends the run when a worker process of the local runner dies, which Beam would wait for for ever."""

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_WORKER_THREAD = "run_worker"  # Beam's thread that waits for a worker process and raises if it fails


@contextmanager
def watchdog() -> Iterator[None]:
    """While it is open, the end of a worker process ends this one with exit code 1 and a sentence.

    The main thread sits inside Beam and cannot be woken by an exception; finished shards keep.
    """
    before = threading.excepthook

    def end(args: threading.ExceptHookArgs) -> None:
        if args.thread is not None and args.thread.name == _WORKER_THREAD:
            print(
                f"posebeam: a worker process died ({args.exc_value}); finished shards are kept, "
                "the same command goes on from there.",
                file=sys.stderr,
                flush=True,
            )
            os._exit(1)
        before(args)

    threading.excepthook = end
    try:
        yield
    finally:
        threading.excepthook = before
