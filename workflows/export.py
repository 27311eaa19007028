"""Export: a trained model, or the poses of a data set, as one file that other programs read."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from safetensors.torch import save

from posebeam.pipelines.coco.results import export_results
from posebeam.pipelines.manifest import FILE as MANIFEST
from posebeam.pipelines.manifest import read_manifest
from posebeam.pipelines.pickles.export_pyskl import export_pyskl
from posebeam.pipelines.plan import FILE as PLAN
from posebeam.pipelines.publish import unfinished
from posebeam.transforms.errors import ConfigError
from posebeam.workflows.action.onnx_model import save_onnx
from posebeam.workflows.action.trained import Trained

_OUTPUTS = {
    "logits": "float32 [batch, classes]: the network's, before softmax",
    "probabilities": "float32 [batch, classes]: what posebeam predict says of it: softmax of the logits",
}


def facts(trained: Trained) -> dict[str, str]:
    """What an exported file says of itself: texts, with lists and whatever else is not text as JSON.

    classes are in the order of the outputs, an AcT's joints in that of the input's features.
    """
    own = trained.kind.facts(trained.record)
    values = {
        "model": trained.record["model"],
        "classes": list(trained.classes),
        **_OUTPUTS,
        "shape": list(trained.made.shape),
        **own,
        "input": f"{trained.kind.input} {own['input']}",
        "probabilities": _OUTPUTS["probabilities"] + own["probabilities"],
    }
    return {
        f"posebeam.{name}": value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        for name, value in values.items()
    }


def _save_safetensors(trained: Trained, described: Mapping[str, str], path: Path) -> None:
    """The tensors by the names of the network in models/networks."""
    tensors = {name: value.contiguous().cpu() for name, value in trained.network.state_dict().items()}
    # safetensors writes metadata in an order of chance: one key keeps equal runs equal bytes.
    path.write_bytes(save(tensors, {"posebeam": json.dumps(described, sort_keys=True, ensure_ascii=False)}))


FORMATS: dict[str, Callable[[Trained, Mapping[str, str], Path], None]] = {
    ".onnx": save_onnx,
    ".safetensors": _save_safetensors,
}


def _save_pyskl(out: Path, file: Path) -> dict[str, Any]:
    return {**export_pyskl(out, file), "skeleton": read_manifest(out)["config"]["skeleton"]}


def _save_results(out: Path, file: Path) -> dict[str, Any]:
    return {"results": export_results(out, file)}


DATA_FORMATS: dict[str, Callable[[Path, Path], dict[str, Any]]] = {".pkl": _save_pyskl, ".json": _save_results}


def export_data(out: Path, file: Path) -> dict[str, Any]:
    """Write FILE from the stored poses of the data set OUT, as its suffix says; return what is in it.

    ConfigError for a suffix of models, or an unknown one.
    """
    suffix = known_suffix(file)
    if suffix not in DATA_FORMATS:
        raise ConfigError(
            f"{file}: {suffix} is for runs, {out} is a data set; for those: {', '.join(DATA_FORMATS)}"
        )
    if not any((out / name).is_file() for name in (PLAN, MANIFEST)):
        raise ConfigError(f"{file}: {suffix} is for data sets, {out} is none; for runs: {', '.join(FORMATS)}")
    return DATA_FORMATS[suffix](out, file)


def export(trained: Trained, file: Path) -> dict[str, str]:
    """Write FILE in the format that its suffix names; return what it says of itself.

    The same run gives the same bytes under the same versions. ConfigError for a suffix of data, or an unknown one.
    """
    suffix = known_suffix(file)
    if suffix not in FORMATS:
        raise ConfigError(
            f"{file}: {suffix} is for data sets, {trained.folder} is a run; for those: {', '.join(FORMATS)}"
        )
    save = FORMATS[suffix]
    described = facts(trained)
    with unfinished(file) as path:
        save(trained, described, path)
    return described


def known_suffix(file: Path) -> str:
    """The file's suffix; ConfigError if no format has it."""
    suffix = file.suffix.lower()
    if suffix not in (known := (*FORMATS, *DATA_FORMATS)):
        raise ConfigError(f"{file}: no format for the suffix {suffix!r}; known: {', '.join(known)}")
    return suffix
