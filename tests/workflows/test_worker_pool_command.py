"""posebeam worker-pool: says where it listens, and ends when it is told to."""

import signal
import subprocess
import sys


def test_it_says_where_it_listens_and_ends_at_sigterm():
    command = [sys.executable, "-m", "posebeam.workflows.cli", "worker-pool", "--port", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        lines = iter(process.stderr.readline, "")
        assert next(line for line in lines if "workers at 127.0.0.1:" in line)
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
