"""posebeam weights: a backbone's published weights, fetched, verified, converted."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from posebeam.workflows.help import OUTPUT, HelpPage

if TYPE_CHECKING:
    from torch import nn

_SUFFIX = ".safetensors"


def _to(_: click.Context, __: click.Parameter, value: Path | None) -> Path | None:
    if value is not None and value.suffix != _SUFFIX:
        raise click.BadParameter(f"'{value}' does not end in {_SUFFIX}, the one form that is written.")
    return value


_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


SECTIONS = {
    OUTPUT: {
        "cache": "$POSEBEAM_CACHE, or posebeam/ below $TORCH_HOME, $XDG_CACHE_HOME or ~/.cache",
        "--to FILE": "the tensors as .safetensors",
    },
}
EXAMPLES = (
    ("posebeam weights transpose-r-a4", "fetch, verify, load strictly"),
    (
        "posebeam weights hrnet-w32 --file pose_hrnet_w32_256x192.pth --to hrnet-w32.safetensors",
        "a file of yours, verified and converted",
    ),
)


@click.command(cls=HelpPage, sections=SECTIONS, examples=EXAMPLES)
@click.argument("name")
@click.option("--file", type=_FILE, help="Your checkpoint instead.")
@click.option(
    "--to", type=click.Path(path_type=Path), callback=_to, help="Write the tensors to this .safetensors."
)
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def command(name: str, file: Path | None, to: Path | None, as_json: bool) -> int:
    r"""Fetches the published file into the cache if it is not there, checks its hash, and loads it strictly.

    Only tensors are read from a checkpoint: what else it holds is refused, and nothing of it is run.
    """
    from posebeam.models import registry
    from posebeam.workflows.console import facts_table, show

    path = file or registry.published_file(name)
    facts = {"backbone": name, "file": str(path), "sha256": registry.weights_sha256(name, path)}
    network = registry.load_network(name, path)
    facts["tensors"] = str(len(network.state_dict()))
    if not file and (weights := registry.row(name).weights):
        facts |= {"licence": weights.licence, "source": weights.source}
    if to:
        facts["written"] = str(_write(network, to))
    click.echo(json.dumps(facts)) if as_json else show(facts_table("weights", facts))
    return 0


def _write(network: "nn.Module", path: Path) -> Path:
    """The tensors by their official names; whole or not at all."""
    from safetensors.torch import save

    from posebeam.pipelines.publish import unfinished

    with unfinished(path) as part:
        part.write_bytes(save({key: value.contiguous() for key, value in network.state_dict().items()}))
    return path
