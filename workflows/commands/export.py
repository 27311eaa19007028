"""posebeam export: a trained model, or the poses of a data set, as a file for other programs."""

from pathlib import Path

import click


@click.command()
@click.argument("source", type=click.Path(exists=True, file_okay=False, path_type=Path), metavar="RUN|OUT")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def command(source: Path, file: Path) -> int:
    """\b
    Of a run, FILE .onnx: the network with softmax, for onnxruntime and others; batches of any size.
    Of a run, FILE .safetensors: the weights.
    Of a data set, FILE .pkl: the poses for PYSKL and MMAction2, everybody's, the main person of a clip first.
    Of a data set of coco, FILE .json: the poses as COCO keypoint results.

    A run's files carry class names, layout, chain and the window's shape in their metadata. An .onnx is written
    only if onnxruntime gives what torch gives.
    """
    from posebeam.pipelines.manifest import FILE
    from posebeam.workflows.action.trained import Trained
    from posebeam.workflows.console import facts_table, show
    from posebeam.workflows.export import FORMATS, export, export_data, known_suffix

    if known_suffix(file) not in FORMATS or (source / FILE).is_file():
        show(facts_table(str(file), export_data(source, file)))
        return 0
    described = export(Trained.load(source, "cpu"), file)
    shown = ("model", "input", "logits", "probabilities", "layout", "chain", "backbone", "features", "classes")
    told = {name: described.get(f"posebeam.{name}") for name in shown}
    show(facts_table(str(file), {name: text for name, text in told.items() if text is not None}))
    return 0
