"""DenseNet121's features."""

import torch

from posebeam.models.networks.densenet import DenseNetFeatures


def test_a_picture_has_1024_features_none_below_0():
    torch.manual_seed(0)
    features = DenseNetFeatures().eval()
    with torch.inference_mode():
        found = features(torch.randn(1, 3, 64, 64))
    assert found.shape == (1, 1024)
    assert (found >= 0).all()
    assert found.std() > 0


def test_names_and_size_are_torchvisions_without_the_classifier():
    with torch.device("meta"):
        state = DenseNetFeatures().state_dict()
    assert all(name.startswith("features.") for name in state)
    counted = {name: value for name, value in state.items() if not name.endswith("num_batches_tracked")}
    assert sum(value.numel() for value in counted.values()) == 7_037_504  # as Keras counts, with statistics
