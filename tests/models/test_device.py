"""Device: auto, cpu or cuda, and a sentence where it is not there."""

import pytest
import torch

from posebeam.models.device import choose_device
from posebeam.models.registry import load_estimator
from posebeam.transforms.errors import ConfigError


def test_devices():
    assert choose_device("cpu").type == "cpu"
    assert choose_device("auto").type == ("cuda" if torch.cuda.is_available() else "cpu")
    with pytest.raises(ConfigError, match="device 'tpu'"):
        choose_device("tpu")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_cuda_without_cuda_is_refused():
    with pytest.raises(ConfigError, match="no CUDA device"):
        load_estimator("movenet-lightning", device="cuda")
