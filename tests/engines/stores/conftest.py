"""Servers that speak the protocols of stores, on loopback; in each a bucket with the shipped videos."""

import json
import os
import subprocess
import urllib.request
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from urllib.parse import quote
from xml.etree import ElementTree

import pytest

SOURCE = Path(__file__).parents[2] / "media/actions"
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


def filled(store: Store) -> Store:
    """The store, with the shipped videos below clips/."""
    for path in SOURCE.rglob("*.*"):
        store.put(f"clips/{path.relative_to(SOURCE)}", path.read_bytes())
    return store


@pytest.fixture(scope="session")
def gs(part, serve, free_port):
    """fake-gcs-server; posebeam is told of it as google's own tools are."""
    port = free_port()
    python = part("gcp", "gcp/bin/python")
    flags = ("-scheme", "http", "-host", "127.0.0.1", "-port", port, "-backend", "memory")
    with serve(port, part("fake-gcs-server", "bin/fake-gcs-server"), *flags, "-public-host", f"127.0.0.1:{port}"):
        store = Store("gs", port, python, environment={"STORAGE_EMULATOR_HOST": f"http://127.0.0.1:{port}"})
        store._ask("/storage/v1/b?project=any", json.dumps({"name": BUCKET}).encode(), "POST")
        yield filled(store)


@pytest.fixture(scope="session")
def s3(part, serve, free_port):
    """moto; posebeam is told of it by Beam's flags alone."""
    port, python = free_port(), part("aws", "aws/bin/python")
    own = ("s3_endpoint_url=http://127.0.0.1:" + str(port), "s3_access_key_id=any", "s3_secret_access_key=hush")
    with serve(port, python, "-m", "moto.server", "-H", "127.0.0.1", "-p", port):
        flags = tuple(f"--{flag}" for flag in (*own, "s3_region_name=us-east-1"))
        store = Store("s3", port, python, flags, {"AWS_EC2_METADATA_DISABLED": "true"})
        store._ask(f"/{BUCKET}", b"", "PUT")
        yield filled(store)


@pytest.fixture(params=["gs", "s3"])
def store(request):
    """Either of them."""
    return request.getfixturevalue(request.param)
