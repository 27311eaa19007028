"""Engines of one machine, whose workers are threads of the build: the same bytes as the local runner's."""

import sys

import pytest

_OPENS = [f"--add-opens=java.base/java.{package}=ALL-UNNAMED" for package in ("lang", "util", "time", "nio")]
_FLINK = "org.apache.beam.runners.flink.FlinkJobServerDriver"


@pytest.fixture(scope="module")
def beam(serve, free_port):
    """Beam's own job server in Python, which is always there."""
    port, module = free_port(), "apache_beam.runners.portability.local_job_service_main"
    with serve(port, sys.executable, "-m", module, "--port", port):
        yield port


@pytest.fixture(scope="module")
def prism(part, serve, free_port):
    """Beam's engine in Go."""
    port = free_port()
    with serve(port, part("prism", "bin/prism"), "-job_port", port, "-serve_http=false"):
        yield port


@pytest.fixture(scope="module")
def flink(part, java, serve, free_port, driver_flags):
    """Flink's mini-cluster inside its job server."""
    port, jars = free_port(), part("flink-job-server", "flink/beam-runners-flink-*.jar").parent
    command = (java, *_OPENS, "-Xmx1g", "-cp", f"{jars}/*", _FLINK, "--flink-master=[local]")
    with serve(port, *command, *driver_flags(port)):
        yield port


@pytest.mark.slow
@pytest.mark.parametrize(("engine", "flags"), [("beam", []), ("prism", []), ("flink", ["--parallelism=2"])])
def test_the_bytes_are_those_of_the_local_runner(request, start_build, promised, local, tmp_path, engine, flags):
    port = request.getfixturevalue(engine)
    to = ["--runner=PortableRunner", f"--job_endpoint=127.0.0.1:{port}", "--environment_type=LOOPBACK", *flags]
    first = start_build(tmp_path / "out", *to, flags=()).wait()
    assert promised(first.out) == local
    assert (first.figures["built"], first.figures["shards_skipped"]) == (10, 0)
    again = start_build(tmp_path / "out", *to, flags=()).wait()
    assert (again.figures["clips_decoded_now"], promised(again.out)) == (0, local)
    assert again.figures["shards_skipped"] == len(list((again.out / "_shards").iterdir()))
