"""The worker pool: processes of this Python, where it was told to listen, as long as it is open."""

import os
import shutil
import subprocess
import sys

import grpc
import pytest
from apache_beam.portability.api import beam_fn_api_pb2, beam_fn_api_pb2_grpc

from posebeam.pipelines.engines.worker_pool import worker_pool
from posebeam.transforms.errors import ConfigError


def test_python_is_this_one_while_it_is_open():
    before = os.environ["PATH"]
    with worker_pool("127.0.0.1", 0):
        program = shutil.which("python")
        told = subprocess.run([program, "-c", "import sys; print(sys.prefix)"], capture_output=True, text=True)
        assert program not in before
    assert (told.stdout, told.stderr.strip()) == ("", sys.prefix)  # what a worker prints is for people
    assert os.environ["PATH"] == before


def test_a_port_that_is_taken_is_refused():
    with worker_pool("127.0.0.1", 0) as port:
        second = worker_pool("127.0.0.1", port)
        with pytest.raises(ConfigError, match=f"127.0.0.1:{port} cannot"):
            second.__enter__()


def test_workers_end_with_the_pool(monkeypatch):
    started = []
    popen = subprocess.Popen
    monkeypatch.setattr(subprocess, "Popen", lambda *a, **k: started.append(popen(*a, **k)) or started[-1])
    with worker_pool("127.0.0.1", 0) as port, grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        request = beam_fn_api_pb2.StartWorkerRequest(worker_id="one")
        request.control_endpoint.url = "127.0.0.1:9"  # nobody there: the worker waits
        answer = beam_fn_api_pb2_grpc.BeamFnExternalWorkerPoolStub(channel).StartWorker(request, timeout=20)
        assert (answer.error, len(started), started[0].poll()) == ("", 1, None)
    assert started[0].poll() is not None
