"""Spark, a standalone cluster on loopback: the same bytes as the local runner's, also when an executor dies."""

import os
import signal
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

_SECONDS = 300


@dataclass(frozen=True)
class Cluster:
    """What a build is told to run there, and the processes that can be killed."""

    flags: tuple[str, ...]
    workers: tuple[int, ...]

    def executors(self) -> list[int]:
        """Process ids of the JVMs that run tasks now."""
        return [pid for worker in self.workers for pid in children(worker)]


def children(pid: int) -> list[int]:
    """Process ids of what a process started."""
    told = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=False)
    return [int(word) for word in told.stdout.split()]


@pytest.fixture(scope="module")
def make_cluster(part, java, serve, free_port, driver_flags, tmp_path_factory):
    """Starts a master, workers of one core, a pool of Python workers, and the job server that sends jobs there."""
    jars = part("spark-job-server", "spark/beam-runners-spark-3-*.jar").parent
    home = part("pyspark", "pyspark/pyspark/bin/spark-class").parent.parent
    own = {"SPARK_HOME": str(home), "SPARK_LOCAL_IP": "127.0.0.1", "SPARK_DAEMON_MEMORY": "256m"}

    @contextmanager
    def make(workers):
        with ExitStack() as stack:

            def start(port, *command):
                return stack.enter_context(serve(port, *command, **own))

            def daemon(role, port, *more):
                where = ("--host", "127.0.0.1", "--port", port, "--webui-port", "0")
                return start(port, home / "bin/spark-class", f"org.apache.spark.deploy.{role}", *where, *more)

            master, pool, job = (free_port() for _ in range(3))
            url = f"spark://127.0.0.1:{master}"
            daemon("master.Master", master)
            size = ("--cores", "1", "--memory", "1g", "--work-dir", tmp_path_factory.mktemp("work"), url)
            pids = [daemon("worker.Worker", free_port(), *size) for _ in range(workers)]
            start(pool, sys.executable, "-m", "posebeam.workflows.cli", "worker-pool", "--port", pool)
            start(job, *submit(home, jars, url), *driver_flags(job), f"--spark-master-url={url}")
            server = ("--runner=PortableRunner", f"--job_endpoint=127.0.0.1:{job}")
            environment = ("--environment_type=EXTERNAL", f"--environment_config=127.0.0.1:{pool}")
            yield Cluster((*server, *environment), tuple(pids))

    return make


def submit(home: Path, folder: Path, master: str) -> list[str]:
    """The job server's command line. Beam needs a newer guava than Spark's, and Spark its own slf4j."""
    (server,) = folder.glob("beam-runners-spark-3-*.jar")
    (guava,) = folder.glob("guava-*.jar")
    jars = [str(jar) for jar in sorted(folder.glob("*.jar")) if jar != server and "slf4j-api" not in jar.name]
    conf = {
        "driver.extraClassPath": guava, "driver.memory": "1g",
        "executor.extraClassPath": guava, "executor.memory": "600m", "ui.enabled": "false",
    }  # fmt: skip
    settings = [word for key, value in conf.items() for word in ("--conf", f"spark.{key}={value}")]
    name = "org.apache.beam.runners.spark.SparkJobServerDriver"
    spark_submit = [str(home / "bin/spark-submit"), "--master", master, "--jars", ",".join(jars)]
    return [*spark_submit, *settings, "--class", name, str(server)]


@pytest.fixture(scope="module")
def cluster(make_cluster):
    with make_cluster(2) as made:
        yield made


@pytest.mark.slow
def test_the_bytes_are_those_of_the_local_runner(cluster, start_build, promised, local, tmp_path):
    first = start_build(tmp_path / "out", *cluster.flags).wait()
    assert promised(first.out) == local
    assert (first.figures["built"], first.figures["shards_skipped"]) == (10, 0)
    again = start_build(tmp_path / "out", *cluster.flags).wait()
    assert (again.figures["clips_decoded_now"], promised(again.out)) == (0, local)


@pytest.mark.slow
def test_executors_that_are_killed_cost_time_and_no_byte(cluster, start_build, promised, local, tmp_path):
    """All of them, so that the build cannot end without new ones, however fast it is."""
    run = start_build(tmp_path / "out", *cluster.flags)
    receipts = tmp_path / "out/_shards"
    deadline = time.monotonic() + _SECONDS
    while not any(receipts.glob("*.json")):
        assert run.process.poll() is None, "the build ended before anything could be killed"
        assert time.monotonic() < deadline, "no shard was finished"
        time.sleep(0.05)
    before = cluster.executors()
    for pid in before:
        os.kill(pid, signal.SIGKILL)
    early = len(list(receipts.glob("*.json")))
    while run.process.poll() is None and set(cluster.executors()) <= set(before):
        assert time.monotonic() < deadline, "Spark started no other executor"
        time.sleep(0.05)
    run.wait()
    assert early < len(list(receipts.glob("*.json"))), "the executors were killed after the last shard"
    assert promised(run.out) == local
    assert not (run.out / "_tmp").exists()
