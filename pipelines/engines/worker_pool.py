"""Worker pool: starts Python workers where an engine asks for them, on clusters without containers."""

import os
import shlex
import signal
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import grpc
from apache_beam.portability.api import beam_fn_api_pb2_grpc
from apache_beam.runners.worker.worker_pool_main import BeamFnExternalWorkerPoolServicer, kill_process_gracefully

from posebeam.transforms.errors import ConfigError

_THREADS = 16  # that answer engines; a worker is a process of its own


@contextmanager
def worker_pool(host: str, port: int) -> Iterator[int]:
    """While it is open, engines get workers at host:port, processes of this Python; gives the port.

    Port 0 takes a free one. Whoever reaches the port can run code here, which is what it is for: Beam's own pool
    listens on every interface, this one where it is told to. Its workers end with it. ConfigError if the port is
    taken.
    """
    servicer = BeamFnExternalWorkerPoolServicer(use_process=True)
    server = grpc.server(ThreadPoolExecutor(_THREADS), options=[("grpc.so_reuseport", 0)])
    beam_fn_api_pb2_grpc.add_BeamFnExternalWorkerPoolServicer_to_server(servicer, server)
    try:
        bound = server.add_insecure_port(f"{host}:{port}")
    except RuntimeError as error:
        raise ConfigError(f"{host}:{port} cannot be listened on: is the port taken?") from error
    with _this_python():
        server.start()
        try:
            yield bound
        finally:
            server.stop(0)
            for process in list(servicer._worker_processes.values()):
                kill_process_gracefully(process)


@contextmanager
def _this_python() -> Iterator[None]:
    """Beam starts whatever `python` comes first in PATH: let that be the one that runs this, with its packages."""
    before = os.environ.get("PATH", os.defpath)
    with tempfile.TemporaryDirectory(prefix="posebeam-") as folder:
        script = Path(folder) / "python"
        # Beam never reads its workers' stdout: one that says more than a pipe holds would stand still.
        script.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} "$@" >&2\n', encoding="utf-8")
        script.chmod(0o700)
        os.environ["PATH"] = f"{folder}{os.pathsep}{before}"
        try:
            yield
        finally:
            os.environ["PATH"] = before


def leave_when_told() -> None:
    """From now on SIGTERM and Ctrl-C end this process in order, its workers first."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(0))
