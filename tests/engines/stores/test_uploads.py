"""Uploads: whole, or not at all."""

import os
import socket
import subprocess
import threading
import time
from contextlib import contextmanager, suppress

import pytest

_SECONDS = 280


@contextmanager
def cutting(port, after):
    """A way to the server that is cut after so many bytes up, every time; gives its port and counts the cuts."""
    cuts, door = [], socket.create_server(("127.0.0.1", 0))

    def carry(there, here):
        with suppress(OSError):
            while piece := there.recv(1 << 16):
                here.sendall(piece)

    def serve_one(client):
        with client, socket.create_connection(("127.0.0.1", port)) as server:
            threading.Thread(target=carry, args=(server, client), daemon=True).start()
            sent = 0
            with suppress(OSError):
                while sent < after and (piece := client.recv(1 << 16)):
                    server.sendall(piece)
                    sent += len(piece)
            if sent >= after:
                cuts.append(sent)
            for side in (client, server):
                with suppress(OSError):
                    side.shutdown(socket.SHUT_RDWR)

    def listen():
        with suppress(OSError):
            while True:
                threading.Thread(target=serve_one, args=(door.accept()[0],), daemon=True).start()

    threading.Thread(target=listen, daemon=True).start()
    with door:
        yield door.getsockname()[1], cuts
        door.shutdown(socket.SHUT_RDWR)


PUBLISH = """
import sys
from pathlib import Path
from posebeam.pipelines.publish import publish, workspace
from posebeam.pipelines.stores.address import located
from posebeam.pipelines.stores.store import use
use(sys.argv[3:])
out = located(sys.argv[1])
with workspace(out) as folder:
    (folder / "part").write_bytes(bytes(range(256)) * (int(sys.argv[2]) // 256))
    publish(folder / "part", out / "poses/shard.parquet")
"""


@pytest.mark.slow
def test_an_upload_that_is_cut_leaves_nothing_under_the_name(store, tmp_path):
    size, environment = 40 << 20, os.environ | store.environment | {"POSEBEAM_CACHE": str(tmp_path)}

    def started(port):
        there = [word.replace(f":{store.port}", f":{port}") for word in store.beam_args]
        emulator = {key: value.replace(f":{store.port}", f":{port}") for key, value in store.environment.items()}
        command = [store.python, "-c", PUBLISH, store.uri("cut"), str(size), *there]
        return subprocess.Popen(command, env=environment | emulator, stderr=subprocess.PIPE)

    with cutting(store.port, 4 << 20) as (port, cuts):
        process = started(port)
        deadline = time.monotonic() + _SECONDS
        while len(cuts) < 2 and process.poll() is None:
            assert time.monotonic() < deadline, "nothing was cut"
            time.sleep(0.02)
        process.kill()
        process.communicate()
    assert len(cuts) >= 2, "it is tried again"
    assert process.returncode != 0
    assert store.names("cut/") == []
    process = started(store.port)
    assert process.wait(_SECONDS) == 0, process.communicate()[1][-2000:]
    assert store.get("cut/poses/shard.parquet") == bytes(range(256)) * (size // 256)
