"""OnnxModel: a trained AcT as an ONNX graph, held against torch before it is written."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from posebeam.models.networks.act import FEATURES, AcT
from posebeam.transforms.errors import PosebeamError
from posebeam.transforms.layout import CHANNELS, layout
from posebeam.workflows.trained import Trained

if TYPE_CHECKING:
    import onnx

INPUT, OUTPUTS = "windows", ("logits", "probabilities")
OPSET = 18  # the first with all that the graph needs; newer runtimes read it too
_TOLERANCE = 1e-5  # of the largest logit, or of 1 where all are smaller
_BATCHES = (1, 2, 33)  # sizes that the graph is tried on: it must not hold the one it was traced with


class Said(nn.Module):
    """What posebeam predict says of windows [B, T, 52]: logits [B, classes] and probabilities [B, classes].

    sides is the layout's mirror [13] where the run's probabilities are means over a window and its image
    (see transforms.augment.mirror), else None.
    """

    order: Tensor
    signs: Tensor

    def __init__(self, network: AcT, sides: tuple[int, ...] | None):
        super().__init__()
        self.network = network
        self.sides = sides
        features = np.arange(FEATURES).reshape(-1, CHANNELS)[list(sides or ())].ravel()
        self.register_buffer("order", torch.from_numpy(features), persistent=False)
        self.register_buffer("signs", torch.tensor([-1.0, 1.0]).repeat(FEATURES // 2), persistent=False)

    def forward(self, windows: Tensor) -> tuple[Tensor, Tensor]:
        """windows [B, T, 52] to (logits, probabilities)."""
        logits = self.network(windows)
        direct = logits.softmax(-1)
        if self.sides is None:
            return logits, direct
        images = (windows * self.signs).index_select(-1, self.order)
        return logits, (direct + self.network(images).softmax(-1)) * 0.5


def save_onnx(trained: Trained, described: Mapping[str, str], path: Path) -> None:
    """Write the graph; PosebeamError if onnxruntime does not give what torch gives."""
    sides = layout(trained.made.layout).skeleton.mirror if trained.record["recipe"]["mirrored"] else None
    said = Said(trained.network.cpu(), sides).eval()
    model = _trace(said, trained.made.window)
    for key, value in described.items():
        model.metadata_props.add(key=key, value=value)
    data = model.SerializeToString(deterministic=True)
    hold_against_torch(data, said, trained.made.window)
    path.write_bytes(data)


def _trace(said: Said, window: int) -> "onnx.ModelProto":
    """torch's own graph, without what it says of the machine it was made on."""
    program = torch.onnx.export(
        said,
        (torch.zeros(2, window, FEATURES),),
        input_names=[INPUT],
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


def hold_against_torch(data: bytes, said: Said, window: int) -> None:
    """Run the graph with onnxruntime on windows of chance; PosebeamError if it differs from torch by more than
    1e-5 of the largest value, in whatever size of batch.
    """
    import onnxruntime

    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    for batch in _BATCHES:
        windows = np.random.default_rng(batch).standard_normal((batch, window, FEATURES), np.float32)
        with torch.inference_mode():
            expected = [output.numpy() for output in said(torch.from_numpy(windows))]
        for name, got, want in zip(OUTPUTS, session.run(list(OUTPUTS), {INPUT: windows}), expected, strict=True):
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
