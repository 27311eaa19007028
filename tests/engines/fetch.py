"""Fetch: python tests/engines/fetch.py brings the engines that tests/engines runs builds on, into .engines.

A part that cannot be had is said to be missing and nothing more: its tests skip with that reason. What is there is
not fetched again.
"""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
PLACE = HERE.parent.parent / ".engines"
_SECONDS = 900


@dataclass(frozen=True)
class Part:
    """Something to fetch: the program that fetches it, its arguments, and what is there afterwards."""

    name: str
    program: str
    arguments: tuple[str, ...]
    proof: str

    @property
    def is_there(self) -> bool:
        """Whether it was fetched, whole: the stamp is written last."""
        return (PLACE / f"{self.name}.fetched").is_file() and any(PLACE.glob(self.proof))

    def fetch(self) -> str:
        """Fetch it; what went wrong, or nothing."""
        if shutil.which(self.program) is None:
            return f"no {self.program} in PATH"
        environment = os.environ | {"GOBIN": str(PLACE / "bin"), "GOFLAGS": "-modcacherw"}
        command = [self.program, *self.arguments]
        try:
            done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=_SECONDS)
        except subprocess.TimeoutExpired:
            return f"{self.program} took more than {_SECONDS} s"
        if done.returncode or not any(PLACE.glob(self.proof)):
            said = (done.stderr.strip() or done.stdout.strip() or "nothing").splitlines()
            return f"{self.program} ended with {done.returncode} and said: {said[-1]}"
        (PLACE / f"{self.name}.fetched").touch()
        return ""


def _jars(engine: str) -> Part:
    """A job server with all that it needs, which pom.xml names."""
    arguments = ("-q", "-B", "-f", str(HERE / "pom.xml"), f"-P{engine}", "dependency:copy-dependencies")
    where = ("-DincludeScope=runtime", f"-DoutputDirectory={PLACE / engine}")
    return Part(f"{engine}-job-server", "mvn", (*arguments, *where), f"{engine}/beam-runners-{engine}-*.jar")


_PIP = ("-m", "pip", "install", "--quiet", "--no-deps", "--upgrade", "--target", str(PLACE / "pyspark"))
PARTS = (
    Part("prism", "go", ("install", "github.com/apache/beam/sdks/v2/go/cmd/prism@v2.77.0"), "bin/prism"),
    _jars("flink"),
    _jars("spark"),
    Part("pyspark", sys.executable, (*_PIP, "pyspark==3.5.6"), "pyspark/pyspark/jars/spark-core_*.jar"),
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
