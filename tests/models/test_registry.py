"""The table of backbones: facts without torch, checked when they are read."""

import subprocess
import sys

import pytest
import torch

from posebeam.models import registry
from posebeam.models.table import read_rows
from posebeam.models.weights import sha256_of
from posebeam.transforms.errors import ConfigError, WeightsError

ROW = """
[net]
network = "networks.movenet:MoveNet"
estimator = "movenet:MoveNetView"
decoder = "decoders.movenet:decode"
skeleton = "coco17"
input = [256, 192]
colour = "bgr"
view = "whole-frame"
min_score = 0.1
parameters = 5
macs = 7
paper = "none"
"""


def test_facts_are_read_without_torch():
    program = """
import sys
from posebeam.models import registry
from posebeam.models.table import read_rows
registry.rows()
registry.weights_sha256(registry.DEFAULT)
print("torch" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_the_default_is_in_the_table():
    assert registry.row(registry.DEFAULT).name == "movenet-lightning"


def test_an_unknown_name_is_answered_with_the_nearest():
    with pytest.raises(ConfigError, match="movenet-thunder"):
        registry.row("movenet_thunder")


def test_a_plain_row_is_read():
    (row,) = read_rows(ROW)
    assert (row.name, row.input, row.weights, row.published) == ("net", (256, 192), None, ())


def test_a_detector_has_boxes_and_no_joints():
    detector = """
[boxes]
network = "networks.movenet:MoveNet"
estimator = "detector:ImageDetector"
decoder = "decoders.detr:persons"
input = [800, 1066]
colour = "rgb"
view = "detector"
parameters = 5
macs = 7
paper = "none"
"""
    (row,) = read_rows(detector)
    assert row.skeleton == ""
    with pytest.raises(ConfigError, match="is a detector"):
        row.boxes_from("")
    with pytest.raises(ConfigError, match="unless it is a detector"):
        read_rows(detector + 'skeleton = "coco17"\n')
    with pytest.raises(ConfigError, match="a framing if it is top-down"):
        read_rows(detector.replace('"detector"', '"top-down"'))


@pytest.mark.parametrize(
    ("said", "instead", "complaint"),
    [
        ('colour = "bgr"', 'colour = "hsv"', "colour 'hsv'"),
        ('view = "whole-frame"', 'view = "sideways"', "view 'sideways'"),
        ('skeleton = "coco17"', 'skeleton = "octopus"', "octopus"),
        ("input = [256, 192]", "input = [256]", "height and width"),
        ("min_score = 0.1", "min_score = 10", "min_score 10"),
        ("parameters = 5", "parametres = 5", "parametres"),
        ("parameters = 5", "", "parameters"),
        ("parameters = 5", 'parameters = 5\ndetector = "nobody"', "a detector and a framing"),
        ("min_score = 0.1", "min_person = 1", "min_person 1"),
        ("macs = 7", "macs = 0", "0 macs"),
        (
            "parameters = 5",
            'parameters = 5\nweights = {sha256 = "12", licence = "", source = "", file = "a"}',
            "64",
        ),
        ("parameters = 5", 'parameters = 5\npublished = [{ap = 7, data = "", boxes = "?", source = ""}]', "boxes"),
    ],
)
def test_a_wrong_row_is_refused(said, instead, complaint):
    assert said in ROW
    with pytest.raises(ConfigError, match=complaint):
        read_rows(ROW.replace(said, instead))


def test_the_detector_of_a_row_must_be_there():
    view = 'view = "top-down"\nframing = "edges"\ndetector = "nobody"'
    with pytest.raises(ConfigError, match="detector 'nobody' is not in the table"):
        read_rows(ROW.replace('view = "whole-frame"', view))


def test_who_looks_at_boxes_takes_a_detector():
    assert registry.row("hrnet-w32").boxes_from("") == "movenet-multipose"
    assert registry.row("hrnet-w32").boxes_from("detr-r50") == "detr-r50"
    assert registry.row("movenet-thunder").boxes_from("") == ""
    assert registry.row("movenet-thunder").boxes_from("movenet-multipose") == "movenet-multipose"
    with pytest.raises(ConfigError, match="openpose-thin finds people by itself"):
        registry.row("openpose-thin").boxes_from("detr-r50")
    with pytest.raises(ConfigError, match="simple-baseline-r50 finds nobody by itself"):
        registry.load_detector("simple-baseline-r50")
    with pytest.raises(ConfigError, match="one person a frame"):
        registry.load_detector("movenet-lightning", device="cpu")


def test_a_flip_test_is_for_top_down_rows():
    registry.row("hrnet-w32").check_flip(True)
    registry.row("movenet-thunder").check_flip(False)
    with pytest.raises(ConfigError, match="no flip test"):
        registry.load_estimator("movenet-thunder", device="cpu", flip=True)


def test_made_weights_are_the_same_each_time_and_leave_the_generator_alone():
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    one, two = (registry.build_network("movenet-lightning") for _ in range(2))
    assert torch.rand(1) == expected
    assert not one.training
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), two.parameters(), strict=True))


def test_sha256_of_ones_own_file(tmp_path):
    path = tmp_path / "mine.pth"
    path.write_bytes(b"weights")
    assert registry.weights_sha256("movenet-lightning", path) == sha256_of(path)
    with pytest.raises(WeightsError, match="no such file"):
        registry.weights_sha256("movenet-lightning", tmp_path / "none")
