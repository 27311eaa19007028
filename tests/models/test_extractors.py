"""Extractors: facts that hold, weights that load strictly, features that hang on their frame alone."""

import re

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from posebeam.models import extractors
from posebeam.models.clip_features import SIDE
from posebeam.models.extractors import EXTRACTORS, extractor, features_sha256, load_extractor
from posebeam.models.frame_features import central_piece
from posebeam.models.networks.densenet import DenseNetFeatures
from posebeam.models.registry import build_network, row
from posebeam.transforms.errors import ConfigError, WeightsError

HERE = ("movenet-lightning", "densenet121-random")  # those that need no download


@pytest.fixture(scope="module")
def frames():
    draw = np.random.default_rng(0)
    sizes = [(240, 320), (128, 128), (300, 130), (60, 90), (129, 131)]
    return [draw.integers(0, 256, (*size, 3), dtype=np.uint8) for size in sizes]


@pytest.fixture(scope="module", params=HERE)
def loaded(request):
    return load_extractor(request.param, device="cpu", batch_size=8)


def test_each_makes_as_many_features_as_it_says(loaded, frames):
    found = loaded([central_piece(frame) for frame in frames])
    assert found.shape == (len(frames), extractor(loaded.name).width)
    assert found.dtype == np.float32
    assert (found >= 0).all()
    assert found.any(1).all()  # zeros are padding
    assert loaded([]).shape == (0, loaded.width)


def test_what_is_said_of_a_frame_does_not_depend_on_those_beside_it(loaded, frames):
    pieces = [central_piece(frame) for frame in frames]
    together = loaded(pieces)
    for number, piece in enumerate(pieces):
        assert np.array_equal(loaded([piece])[0], together[number])
    assert np.array_equal(loaded(pieces[::-1])[::-1], together)


def test_only_the_middle_is_looked_at(loaded, frames):
    other = frames[0].copy()
    other[:56], other[:, :96] = 0, 255
    assert np.array_equal(loaded([central_piece(other)]), loaded([central_piece(frames[0])]))


def test_movenets_are_those_of_its_own_network(frames):
    """The trunk in the whole network, seen by a hook."""
    from posebeam.models.registry import load_network

    network, seen = load_network("movenet-lightning"), []
    network.last.register_forward_hook(lambda _, __, out: seen.append(out))
    piece = central_piece(frames[0])
    with torch.inference_mode():
        network(torch.from_numpy(piece).permute(2, 0, 1)[None].float())
    found = load_extractor("movenet-lightning", device="cpu")([piece])
    assert found[0] == pytest.approx(seen[0].mean((2, 3))[0].numpy(), abs=1e-5)
    assert features_sha256("movenet-lightning") == row("movenet-lightning").weights.sha256


def old_names(state):
    """As torchvision's file has them: older, with a classifier, without counters."""
    renamed = {
        re.sub(r"(denselayer\d+\.)(norm|conv)(\d)", r"\1\2.\3", key): value
        for key, value in state.items()
        if not key.endswith("num_batches_tracked")
    }
    return renamed | {"classifier.weight": torch.zeros(1000, 1024), "classifier.bias": torch.zeros(1000)}


def test_densenets_published_names_load_strictly(frames, tmp_path):
    torch.manual_seed(3)
    network, file = DenseNetFeatures().eval(), tmp_path / "densenet121.pth"
    torch.save(old_names(network.state_dict()), file)
    loaded = load_extractor("densenet121", device="cpu", weights=file)
    piece = central_piece(frames[0])
    x = torch.from_numpy(piece).permute(2, 0, 1)[None] / 255 - torch.tensor([0.485, 0.456, 0.406])[:, None, None]
    with torch.inference_mode():
        want = network(x / torch.tensor([0.229, 0.224, 0.225])[:, None, None])
    assert loaded([piece]) == pytest.approx(want.numpy(), abs=1e-5)
    assert features_sha256("densenet121", file) == extractors.sha256_of(file)


def test_weights_that_cannot_be_had_name_the_way_out(tmp_path, monkeypatch):
    monkeypatch.setenv("POSEBEAM_CACHE", str(tmp_path))
    monkeypatch.setenv("POSEBEAM_OFFLINE", "1")
    for door in (features_sha256, load_extractor):
        with pytest.raises(
            WeightsError, match=r"densenet121-a639ec97\.pth.*--features movenet-lightning needs none"
        ):
            door("densenet121")


def test_made_up_weights_are_the_same_each_time_and_take_no_file(tmp_path):
    assert features_sha256("densenet121-random") == features_sha256("densenet121-random")
    with pytest.raises(ConfigError, match="what no weights give"):
        load_extractor("densenet121-random", weights=tmp_path / "any.pth")


def test_another_networks_weights_are_refused(tmp_path):
    save_file(build_network("movenet-lightning").state_dict(), tmp_path / "other.safetensors")
    with pytest.raises(WeightsError, match="missing"):
        load_extractor("densenet121", weights=tmp_path / "other.safetensors")
    with pytest.raises(WeightsError, match="no such file"):
        features_sha256("densenet121", tmp_path / "none.pth")


def test_an_unknown_name_lists_the_known():
    with pytest.raises(ConfigError, match="densenet121, movenet-lightning, densenet121-random"):
        extractor("resnet")
    assert {each.licence for each in EXTRACTORS} == {"BSD-3-Clause", "Apache-2.0", "none: made up"}
    assert SIDE % 32 == 0  # what MoveNet takes


def test_the_command_line_offers_all_of_them():
    from posebeam.workflows.commands.build import FEATURES

    assert tuple(each.name for each in EXTRACTORS) == FEATURES
