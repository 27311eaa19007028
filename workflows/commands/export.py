"""posebeam export: a trained model, or the poses of a data set, as a file for other programs."""

from pathlib import Path

import click

from posebeam.workflows.argument import DataSet, Local
from posebeam.workflows.help import OUTPUT, HelpPage

SECTIONS = {
    "FILE": {
        ".onnx": "of a run: the network with softmax, for onnxruntime and others; batches of any size",
        ".safetensors": "of a run: the weights",
        ".pkl": "of a data set: the poses for PYSKL and MMAction2, everybody's, the main person of a clip first",
        ".json": "of a data set of coco: the poses as COCO keypoint results",
    },
    OUTPUT: {
        "FILE": "a file for other programs; its suffix says which",
    },
}
EXAMPLES = (
    ("posebeam export out/model act.onnx", "written only if onnxruntime gives what torch gives"),
    ("posebeam export out/data poses.pkl", "for PYSKL and MMAction2"),
    ("posebeam export out/coco results.json", "for pycocotools' loadRes"),
)


@click.command(cls=HelpPage, sections=SECTIONS, examples=EXAMPLES)
@click.argument("source", type=DataSet("poses", "clips"), metavar="RUN|OUT")
@click.argument("file", type=Local(dir_okay=False, path_type=Path))
def command(source: Path, file: Path) -> int:
    """A run's files carry class names, layout, chain and the window's shape in their metadata."""
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
