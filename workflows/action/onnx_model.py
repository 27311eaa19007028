"""OnnxModel: a trained network as an ONNX graph, held against torch before it is written."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from posebeam.transforms.errors import PosebeamError
from posebeam.workflows.action.trained import Trained

if TYPE_CHECKING:
    import onnx

OUTPUTS = ("logits", "probabilities")
OPSET = 18  # the first with all that the graph needs; newer runtimes read it too
_TOLERANCE = 1e-5  # of the largest logit, or of 1 where all are smaller
_BATCHES = (1, 2, 33)  # sizes that the graph is tried on: it must not hold the one it was traced with


def save_onnx(trained: Trained, described: Mapping[str, str], path: Path) -> None:
    """Write the graph; PosebeamError if onnxruntime does not give what torch gives."""
    said, shape = trained.kind.said(trained.record, trained.network.cpu()).eval(), trained.made.shape
    model = _trace(said, shape, trained.kind.input)
    for key, value in described.items():
        model.metadata_props.add(key=key, value=value)
    data = model.SerializeToString(deterministic=True)
    hold_against_torch(data, said, shape)
    path.write_bytes(data)


def _trace(said: nn.Module, shape: tuple[int, ...], name: str) -> "onnx.ModelProto":
    """torch's own graph, without what it says of the machine it was made on."""
    program = torch.onnx.export(
        said,
        (torch.zeros(2, *shape),),
        input_names=[name],
        output_names=list(OUTPUTS),
        dynamic_shapes=({0: torch.export.Dim("batch")},),
        opset_version=OPSET,
        dynamo=True,
        verbose=False,
    )
    assert program is not None
    model: onnx.ModelProto = program.model_proto
    graph = model.graph
    # Stack traces with paths of this machine stand in the metadata of every part.
    for part in (graph, *graph.node, *graph.input, *graph.output, *graph.initializer, *graph.value_info):
        del part.metadata_props[:]
    del graph.value_info[:]
    return model


def hold_against_torch(data: bytes, said: nn.Module, shape: tuple[int, ...]) -> None:
    """Run the graph with onnxruntime on inputs [B, *shape] of chance, the end of some 0; PosebeamError if it
    differs from torch by more than 1e-5 of the largest value, in whatever size of batch.
    """
    import onnxruntime

    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    (taken,) = session.get_inputs()
    for batch in _BATCHES:
        x = np.random.default_rng(batch).standard_normal((batch, *shape), np.float32)
        x[1::2, -(shape[0] // 3) :] = 0
        with torch.inference_mode():
            expected = [output.numpy() for output in said(torch.from_numpy(x))]
        for name, got, want in zip(OUTPUTS, session.run(list(OUTPUTS), {taken.name: x}), expected, strict=True):
            apart = _apart(got, want)
            if not apart <= _TOLERANCE:  # NaN is no agreement
                raise PosebeamError(
                    f"onnxruntime {onnxruntime.__version__} gives other {name} than torch {torch.__version__}: "
                    f"{apart:.2g} apart on a batch of {batch}, allowed {_TOLERANCE:g}. Nothing was written; "
                    "other versions may agree, and .safetensors needs neither"
                )


def _apart(got: NDArray[np.float32], want: NDArray[np.float32]) -> float:
    """The largest difference, against the largest value or 1; infinite for another shape."""
    if got.shape != want.shape:
        return float("inf")
    return float(np.abs(got - want).max() / max(1.0, np.abs(want).max()))
