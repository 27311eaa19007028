"""posebeam worker-pool: Python workers for a cluster without containers."""

import signal

import click

from posebeam.workflows.help import OUTPUT, HelpPage

SECTIONS = {
    OUTPUT: {
        "terminal": "where it listens; the jobs' output lies where they say",
    },
}
EXAMPLES = (
    (
        "posebeam worker-pool --host 10.0.0.7",
        "on every machine whose engine starts workers; runs until it is ended",
    ),
    (
        "posebeam build videos /disk/videos /disk/data --shared-disk -- --runner=PortableRunner "
        "--job_endpoint=HOST:8099 --environment_type=EXTERNAL --environment_config=127.0.0.1:50000",
        "then, where the job is sent from",
    ),
)


@click.command(cls=HelpPage, sections=SECTIONS, examples=EXAMPLES)
@click.option(
    "--host", default="127.0.0.1", show_default=True, help="Interface to listen on: the one that engines reach."
)
@click.option(
    "--port", default=50000, show_default=True, type=click.IntRange(0, 65535), help="Port; 0: a free one."
)
def command(host: str, port: int) -> int:
    """For each worker that Spark or Flink asks for, a process of this Python with this posebeam.

    Whoever reaches the port can run code here: keep it behind the cluster's firewall.
    """
    from posebeam.pipelines.engines.worker_pool import leave_when_told, worker_pool
    from posebeam.workflows.console import say

    leave_when_told()
    with worker_pool(host, port) as bound:
        say(f"workers at {host}:{bound}")
        while True:
            signal.pause()
