"""What the tests of models share: one thread, and a picture of a person."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Bits depend on the number of threads, and the tests run side by side."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def movenet_golden() -> dict[str, np.ndarray]:
    """picture uint8 [192, 192, 3]; and, for each network, what the published graph makes of two pictures.

    Made by @tensorflow/tfjs-converter 4.22 on tfjs-backend-cpu from the published tfjs files. NAME/out is in full
    [2, 17, 3]; NAME/center, heatmap, regress, offset hold every 61st (Lightning) or 97th value of [2, C, h, w].
    """
    with np.load(Path(__file__).parent / "golden" / "movenet.npz") as file:
        return dict(file)


@pytest.fixture(scope="session")
def person(movenet_golden) -> np.ndarray:
    """An astronaut's face and shoulders, uint8 [192, 192, 3] (NASA, public domain)."""
    return movenet_golden["picture"]


@pytest.fixture(scope="session")
def openpose_graph(foreign_data) -> Path:
    """OpenPose thin's published frozen graph."""
    path = foreign_data.parent / "weights" / "openpose_mobilenet_thin_graph_opt.pb"
    if not path.is_file():
        pytest.skip(f"no {path.name} beside the real data")
    return path
