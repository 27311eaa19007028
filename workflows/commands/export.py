"""posebeam export: a trained model as a file for other programs."""

from pathlib import Path

import click


@click.command()
@click.argument("run", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def command(run: Path, file: Path) -> int:
    """\b
    FILE .onnx: the network with softmax, for onnxruntime and others; batches of any size.
    FILE .safetensors: the weights.

    Both carry class names, layout, chain and the window's shape in their metadata. An .onnx is written only if
    onnxruntime gives what torch gives.
    """
    from posebeam.workflows.console import facts_table, show
    from posebeam.workflows.export import export, known_suffix
    from posebeam.workflows.trained import Trained

    known_suffix(file)
    described = export(Trained.load(run, "cpu"), file)
    shown = ("model", "input", "logits", "probabilities", "layout", "chain", "backbone", "classes")
    show(facts_table(str(file), {name: described[f"posebeam.{name}"] for name in shown}))
    return 0
