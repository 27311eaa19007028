"""Graph: a network as onnxruntime runs it on a CPU."""

import tempfile
import threading
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

_INPUT = "images"
_OPSET = 18
MOST = 16  # sizes of pictures whose graphs are kept: MoveNet MultiPose, who sees the most, sees 15
_MAKING = threading.Lock()  # torch's exporter takes one network at a time
_SAYS_NOTHING = 4  # below what ends the process: errors are raised


class Graph(nn.Module):
    """A network that returns a tensor or a named tuple of tensors, run by onnxruntime picture by picture.

    Its convolutions hold their activation, and their weights lie as the processor's vectors want them: on one
    core the embedded networks take 1.4 to 1.5 times as many pictures a second as torch's best batch of them
    (tests/bench/networks.py), with the same outputs to rounding. Batches gain nothing: activations of one picture
    stay in the cache. What is said of a picture does not depend on others.

    A graph is made when a size of picture comes first, from the weights and for as many threads as torch has then:
    one for all sizes would be up to a third slower (OpenPose's thin network). It holds the weights once a size, so
    the oldest goes when there are too many.
    """

    def __init__(self, network: nn.Module):
        super().__init__()
        self.network = network
        self._sessions: dict[tuple[int, ...], Any] = {}
        self._kind: Any = None

    def forward(self, x: Tensor) -> Any:
        """[B, C, H, W] to what the network says of it; RuntimeError, of memory too, as torch raises it."""
        session = self._sessions.get(x.shape[1:])
        if session is None:
            with _MAKING:
                session = self._sessions.get(x.shape[1:]) or self._make(x[:1])
        said = [_run(session, picture) for picture in x.contiguous().numpy()[:, None]]
        maps = [torch.from_numpy(np.concatenate(each)) for each in zip(*said, strict=True)]
        return maps[0] if self._kind is None else self._kind(*maps)

    def _make(self, x: Tensor) -> Any:
        """The session for pictures like x [1, C, H, W]."""
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = torch.get_num_threads(), 1
        options.log_severity_level = _SAYS_NOTHING
        with torch.inference_mode(False), torch.no_grad():
            said = self.network(x.clone())
            data = _traced(self.network, x.clone())
        self._kind = None if isinstance(said, Tensor) else type(said)
        session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
        if len(self._sessions) == MOST:
            self._sessions.pop(next(iter(self._sessions)))
        self._sessions[x.shape[1:]] = session
        return session


def placed(network: nn.Module, device: torch.device) -> nn.Module:
    """The network in the form that is to run on a device: a graph on a CPU."""
    return Graph(network) if device.type == "cpu" else network


def _run(session: Any, picture: Any) -> list[Any]:
    """Outputs [1, ...] for one picture [1, C, H, W]."""
    from onnxruntime.capi.onnxruntime_pybind11_state import Fail, RuntimeException

    try:
        outputs: list[Any] = session.run(None, {_INPUT: picture})
    except (Fail, RuntimeException) as error:
        raise RuntimeError(f"onnxruntime: {error}") from error
    return outputs


def _traced(network: nn.Module, x: Tensor) -> bytes:
    """The network as ONNX by torch's older exporter: the newer one takes seconds of every process, this one half
    of one, for graphs that run alike."""
    with tempfile.TemporaryDirectory(prefix="posebeam-") as folder, warnings.catch_warnings():
        file = Path(folder) / "graph.onnx"
        warnings.simplefilter("ignore")  # that sizes are held for fixed, that there is a newer exporter
        torch.onnx.export(
            network,
            (x,),
            file,
            input_names=[_INPUT],
            opset_version=_OPSET,
            dynamo=False,
        )
        return file.read_bytes()
