"""Object stores, by servers that speak their protocols: the same bytes as on a disk, whatever is killed or cut."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from urllib.parse import quote
from xml.etree import ElementTree

import pytest

SOURCE = Path(__file__).parent.parent / "media/actions"
BUCKET = "bucket"
_SECONDS = 280
SAID = "-- what a command says --\n"
COMMANDS = f"""
import json, sys
from posebeam.workflows.cli import run
for words in json.loads(sys.argv[1]):
    print({SAID!r}, end="", flush=True)
    if code := run(words):
        sys.exit(code)
    sys.stdout.flush()
"""


@dataclass(frozen=True)
class Store:
    """A server with one bucket, the Python that has the packages for it, and how posebeam is told where it is."""

    scheme: str
    port: int
    python: Path
    beam_args: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)

    def uri(self, name: str) -> str:
        return f"{self.scheme}://{BUCKET}/{name}"

    def put(self, name: str, content: bytes) -> None:
        if self.scheme == "gs":
            self._ask(
                f"/upload/storage/v1/b/{BUCKET}/o?uploadType=media&name={quote(name, safe='')}", content, "POST"
            )
        else:
            self._ask(f"/{BUCKET}/{quote(name)}", content, "PUT")

    def get(self, name: str) -> bytes:
        if self.scheme == "gs":
            return self._ask(f"/storage/v1/b/{BUCKET}/o/{quote(name, safe='')}?alt=media")
        return self._ask(f"/{BUCKET}/{quote(name)}")

    def names(self, prefix: str) -> list[str]:
        """What lies below it, without it."""
        if self.scheme == "gs":
            found = [one["name"] for one in json.loads(self._ask(f"/storage/v1/b/{BUCKET}/o")).get("items", ())]
        else:
            told = ElementTree.fromstring(self._ask(f"/{BUCKET}?list-type=2"))
            found = [str(one.text) for one in told.iterfind(".//{*}Contents/{*}Key")]
        return sorted(name.removeprefix(prefix) for name in found if name.startswith(prefix))

    def promised(self, out: str) -> dict[str, str]:
        """sha256 of what lies below OUT, without run.json."""
        names = [name for name in self.names(f"{out}/") if name != "run.json"]
        return {name: sha256(self.get(f"{out}/{name}")).hexdigest() for name in names}

    def _ask(self, path: str, content: bytes | None = None, method: str = "GET") -> bytes:
        header = {
            "Content-Type": "application/octet-stream",  # what says it is a form is taken apart as one
            "Authorization": "AWS4-HMAC-SHA256 Credential=any/20200101/us-east-1/s3/aws4_request",
        }
        url = f"http://127.0.0.1:{self.port}{path}"
        request = urllib.request.Request(url, content, header, method=method)
        with urllib.request.urlopen(request, timeout=_SECONDS) as answer:
            return answer.read()

    def posebeam(self, cache: Path, *commands: list[object]) -> list[str]:
        """Run commands one after the other in one process, all to a good end; what each says."""
        words = [[*map(str, command), "--", *self.beam_args] for command in commands]
        environment = os.environ | self.environment | {"POSEBEAM_CACHE": str(cache)}
        done = subprocess.run(
            [str(self.python), "-c", COMMANDS, json.dumps(words)], env=environment, text=True, timeout=_SECONDS,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout[-4000:]
        return done.stdout.split(SAID)[1:]


@pytest.fixture(scope="module")
def gs(part, serve, free_port):
    """fake-gcs-server; posebeam is told of it as google's own tools are."""
    port = free_port()
    python = part("gcp", "gcp/bin/python")
    flags = ("-scheme", "http", "-host", "127.0.0.1", "-port", port, "-backend", "memory")
    with serve(port, part("fake-gcs-server", "bin/fake-gcs-server"), *flags, "-public-host", f"127.0.0.1:{port}"):
        store = Store("gs", port, python, environment={"STORAGE_EMULATOR_HOST": f"http://127.0.0.1:{port}"})
        store._ask("/storage/v1/b?project=any", json.dumps({"name": BUCKET}).encode(), "POST")
        yield store


@pytest.fixture(scope="module")
def s3(part, serve, free_port):
    """moto; posebeam is told of it by Beam's flags alone."""
    port, python = free_port(), part("aws", "aws/bin/python")
    own = ("s3_endpoint_url=http://127.0.0.1:" + str(port), "s3_access_key_id=any", "s3_secret_access_key=hush")
    with serve(port, python, "-m", "moto.server", "-H", "127.0.0.1", "-p", port):
        flags = tuple(f"--{flag}" for flag in (*own, "s3_region_name=us-east-1"))
        store = Store("s3", port, python, flags, {"AWS_EC2_METADATA_DISABLED": "true"})
        store._ask(f"/{BUCKET}", b"", "PUT")
        yield store


def fill(store):
    """The shipped videos, below clips/."""
    if not store.names("clips/"):
        for path in SOURCE.rglob("*.*"):
            store.put(f"clips/{path.relative_to(SOURCE)}", path.read_bytes())


@pytest.fixture(params=["gs", "s3"])
def store(request):
    """Either of them, with videos in it."""
    store = request.getfixturevalue(request.param)
    fill(store)
    return store


@pytest.fixture
def start(store, start_build, tmp_path):
    """Starts a build from the store to the store."""

    def build(out, *flags):
        return start_build(
            store.uri(out), *store.beam_args, flags=flags, source=store.uri("clips"), python=store.python,
            POSEBEAM_CACHE=str(tmp_path / "cache"), **store.environment,
        )  # fmt: skip

    return build


@pytest.mark.slow
def test_from_bucket_to_bucket_the_bytes_are_those_of_a_disk(store, start, local, tmp_path):
    first = start("out", "--workers", "2").wait()
    assert store.promised("out") == local
    assert (first.figures["built"], first.figures["shards_skipped"]) == (10, 0)
    assert b"hush" not in store.get("out/run.json")
    again = start("out").wait()
    assert (again.figures["clips_decoded_now"], store.promised("out")) == (0, local)
    elsewhere = tmp_path / "another-machine"
    out, again = store.uri("out"), store.uri("again")
    found, _ = store.posebeam(elsewhere, ["check", out], ["windows", out, again])
    assert f"{out}: all is well" in found
    assert store.promised("again") == local


@pytest.mark.slow
def test_a_build_that_is_killed_goes_on_and_leaves_nothing(store, start, local, tmp_path):
    run = start("killed")
    deadline = time.monotonic() + _SECONDS
    while not store.names("killed/_shards/"):
        assert run.process.poll() is None, "the build ended before anything could be killed"
        assert time.monotonic() < deadline, "no shard was finished"
        time.sleep(0.02)
    os.kill(run.process.pid, signal.SIGKILL)
    run.process.communicate()
    early = store.promised("killed")
    assert early.items() <= local.items(), "what is there is whole"
    assert len(early) < len(local)
    assert "manifest.json" not in early
    start("killed").wait()
    assert store.promised("killed") == local
    cache = tmp_path / "cache/stores"
    assert [path for path in (cache / "_scratch").iterdir() if path.is_dir()] == []
    assert not [path for path in cache.rglob("*") if path.suffix in (".mp4", ".avi", ".webm", ".parquet")]


@pytest.mark.slow
def test_workers_elsewhere_reach_the_store_by_the_flags_of_the_build(
    s3, start_build, serve, free_port, local, tmp_path
):
    """A job server, and a pool of workers that share no disk and no environment with the build but the store."""
    fill(s3)
    jobs, pool = free_port(), free_port()
    theirs = {"POSEBEAM_CACHE": str(tmp_path / "theirs"), "AWS_EC2_METADATA_DISABLED": "true"}
    server = ("-m", "apache_beam.runners.portability.local_job_service_main", "--port", jobs)
    workers = ("-m", "posebeam.workflows.cli", "worker-pool", "--port", pool)
    with serve(jobs, sys.executable, *server), serve(pool, s3.python, *workers, **theirs):
        where = ("--runner=PortableRunner", f"--job_endpoint=127.0.0.1:{jobs}")
        environment = ("--environment_type=EXTERNAL", f"--environment_config=127.0.0.1:{pool}")
        start_build(
            s3.uri("far"), *where, *environment, *s3.beam_args, flags=(), source=s3.uri("clips"), python=s3.python,
            POSEBEAM_CACHE=str(tmp_path / "ours"),
        ).wait()  # fmt: skip
    assert s3.promised("far") == local
    assert (tmp_path / "theirs/stores/_scratch").is_dir(), "shards were built elsewhere"
    assert not list(tmp_path.rglob("*.parquet"))


@pytest.mark.slow
def test_a_model_is_trained_measured_and_shown_out_of_a_bucket(gs, start_build, tmp_path):
    fill(gs)
    cache, run, out = tmp_path / "cache", tmp_path / "run", gs.uri("learn")
    clip = "walking/garden_1.mp4"
    said = gs.posebeam(
        cache,
        ["build", "videos", gs.uri("clips"), out, "--fps", "10"],
        ["train", out, run, "--epochs", "1"],
        ["evaluate", run, out, "--json"],
        ["overlay", out, clip, tmp_path / "poses.mp4"],
        ["predict", run, gs.uri(f"clips/{clip}"), "--json"],
        ["report", out, run, "--no-speed"],
    )
    measured, seen = (
        json.loads(next(line for line in text.splitlines() if line[:1] == "{")) for text in said[2:5:2]
    )
    assert (measured["clips"], measured["out"]) == (2, out)
    assert (tmp_path / "poses.mp4").stat().st_size > 1000
    assert (seen["video"], seen["error"]) == (gs.uri(f"clips/{clip}"), None)
    assert seen["label"] in ("balancing", "walking")
    assert "walking" in said[-1]


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
