"""posebeam import: published weights as a run, and data of their layout for it to run on."""

import json
import pickle

import numpy as np
import onnxruntime
import pytest
import torch

from posebeam.models.networks.act import SIZES, build_act
from posebeam.pipelines.read import WindowReader
from posebeam.pipelines.sources.mpose import CLASSES
from posebeam.transforms.windows import WindowRule
from posebeam.workflows.action.trained import Trained
from posebeam.workflows.action.watch import rule_of
from posebeam.workflows.cli import run as posebeam


@pytest.fixture
def network():
    torch.manual_seed(0)
    return build_act("micro", 20).eval()


@pytest.fixture
def run(write_act_h5, tmp_path, network):
    """An import of published weights."""
    file = write_act_h5(tmp_path / "AcT_micro_1_0.h5", network)
    assert posebeam(["import", "act-h5", str(file), str(tmp_path / "run"), "--split", "1"]) == 0
    return tmp_path / "run"


def test_the_run_gives_the_network_s_logits_and_says_what_it_takes(run, network):
    trained = Trained.load(run, "cpu")
    x = torch.randn(3, 30, 52)
    with torch.inference_mode():
        assert torch.equal(trained.network(x), network(x))
    assert trained.classes == CLASSES
    made = trained.made
    assert (made.layout, made.chain, made.window, made.backbone) == (
        "act13-body25",
        "act",
        30,
        "imported-openpose",
    )
    assert trained.record["split"] == 1
    assert trained.record["imported"]["file"] == "AcT_micro_1_0.h5"


def test_its_windows_are_cut_as_the_published_ones_were(run):
    """MPOSE2021 leaves out frames without the person."""
    published = WindowRule(length=30, stride=30, gaps="drop", min_score=0.2, layout="act13-body25")
    assert rule_of(Trained.load(run, "cpu"), "", 0.2) == published


@pytest.mark.parametrize(
    ("kind", "flag", "says"),
    [
        ("pyskl", "--rate=0", "rate: got 0.0, expected more than 0 frames a second"),
        ("pyskl", "--rate=nan", "rate: got nan"),
        ("openpose-json", "--rate=-25", "rate: got -25.0"),
        ("openpose-json", "--rate=inf", "rate: got inf"),
        ("act-h5", "--split=4", "split: got 4, expected an official split 1, 2 or 3, or 0 or -1 for none"),
        ("mpose", "--split=-2", "split: got -2"),
    ],
)
def test_rates_and_splits_that_are_none_are_refused_before_anything_is_read(tmp_path, capsys, kind, flag, says):
    assert posebeam(["import", kind, str(tmp_path), str(tmp_path / "out"), flag]) == 2
    assert says in " ".join(capsys.readouterr().err.split())
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("size", list(SIZES)[1:])
def test_every_size_becomes_a_run(write_act_h5, tmp_path, size):
    file = write_act_h5(tmp_path / "act.h5", build_act(size, 20))
    assert posebeam(["import", "act-h5", str(file), str(tmp_path / "run")]) == 0
    assert Trained.load(tmp_path / "run").record["model"] == f"act-{size}"


def test_it_is_exported_like_any_other(run, tmp_path, network):
    assert posebeam(["export", str(run), str(tmp_path / "act.onnx")]) == 0
    session = onnxruntime.InferenceSession(tmp_path / "act.onnx")
    assert session.get_modelmeta().custom_metadata_map["posebeam.layout"] == "act13-body25"
    windows = torch.randn(2, 30, 52)
    with torch.inference_mode():
        expected = network(windows).numpy()
    (logits,) = session.run(["logits"], {"windows": windows.numpy()})
    np.testing.assert_allclose(logits, expected, atol=1e-5 * max(1, np.abs(expected).max()))


def test_windows_of_the_other_layout_are_refused_with_the_reason(run, make_windows, tmp_path, capsys):
    out = make_windows(tmp_path / "out", groups=4)
    assert posebeam(["evaluate", str(run), str(out)]) == 1
    said = " ".join(capsys.readouterr().err.split())
    assert "expects layout 'act13-body25'" in said
    assert "has layout 'act13-coco'" in said
    assert "other joints in another order around another centre" in said
    assert "act13-body25 is made of poses with the joints of body25" in said


def test_videos_need_a_backbone_that_sees_the_joints(run, media, capsys):
    clip = str(next((media / "actions").glob("*/*.mp4")))
    assert posebeam(["predict", str(run), clip]) == 1
    assert "poses that another program wrote (imported-openpose)" in capsys.readouterr().err
    assert posebeam(["predict", str(run), clip, "--backbone", "movenet-lightning"]) == 1
    assert "made of the joints of body25; movenet-lightning sees those of coco17" in capsys.readouterr().err


def test_other_numbers_of_classes_need_names(write_act_h5, tmp_path, capsys):
    file = write_act_h5(tmp_path / "act.h5", build_act("micro", 3))
    command = ["import", "act-h5", str(file), str(tmp_path / "run")]
    assert posebeam(command) == 2
    assert "name them with --classes FILE" in capsys.readouterr().err
    (tmp_path / "names.txt").write_text("sit\n\nstand \n")
    assert posebeam([*command, "--classes", str(tmp_path / "names.txt")]) == 2
    assert "got 2 class names (2 different), the weights tell 3 apart" in capsys.readouterr().err
    (tmp_path / "names.txt").write_text("sit\nstand\nü\n", "utf-8")
    assert posebeam([*command, "--classes", str(tmp_path / "names.txt")]) == 0
    assert Trained.load(tmp_path / "run").classes == ("sit", "stand", "ü")
    assert posebeam([*command, "--classes", str(tmp_path / "names.txt")]) == 2
    assert "holds a run: take another folder" in capsys.readouterr().err
    assert posebeam([*command[:-1], str(tmp_path / "other"), "--classes", "nowhere.txt"]) == 2


def test_no_weights_leave_no_run(tmp_path, capsys):
    (tmp_path / "act.h5").write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(500))
    assert posebeam(["import", "act-h5", str(tmp_path / "act.h5"), str(tmp_path / "run")]) == 1
    assert "is no HDF5 file that can be read" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


@pytest.fixture
def mpose(tmp_path):
    """Made sequences of eight actors and four actions in MPOSE's form; the first two actors test."""
    rng, arrays = np.random.default_rng(0), {}
    for part, actors in (("train", range(2, 8)), ("test", range(2))):
        ids, labels, x = [], [], []
        for actor in actors:
            for label in (0, 7, 9, 19):
                ids.append(f"kth_person{actor:02d}_{CLASSES[label]}_{actor}-0-29")
                labels.append(label)
                x.append(np.concatenate([rng.uniform(50, 200, (30, 25, 2)), np.ones((30, 25, 1))], -1))
        arrays |= {f"X_{part}": np.stack(x), f"y_{part}": np.array(labels), f"{part}_ids": np.array(ids)}
    np.savez(tmp_path / "mpose.npz", **arrays)
    return tmp_path / "mpose.npz"


def test_published_weights_run_on_imported_mpose(run, mpose, tmp_path, capsys):
    """The figures are those of the network on what the chain makes of the poses."""
    out = tmp_path / "data"
    assert posebeam(["import", "mpose", str(mpose), str(out), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["built"], told["layout"]) == (32, "act13-body25")
    assert posebeam(["check", str(out)]) == 0
    capsys.readouterr()
    record = json.loads((run / "run.json").read_text())
    (run / "run.json").write_text(json.dumps(record | {"split": 0}))  # one split alone has no official columns
    assert posebeam(["evaluate", str(run), str(out), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    trained, reader = Trained.load(run, "cpu"), WindowReader(out)
    rows = np.flatnonzero(reader.parts() == "test")
    found = trained.probabilities(*reader.take(rows)).argmax(1)
    right = [
        CLASSES[best] == reader.classes[label] for best, label in zip(found, reader.labels[rows], strict=True)
    ]
    assert said["windows"] == said["clips"] == 8
    assert said["window_accuracy"] == pytest.approx(np.mean(right))


def test_imported_data_train_a_model(mpose, tmp_path):
    out = tmp_path / "data"
    assert posebeam(["import", "mpose", str(mpose), str(out), "--chain", "act-window"]) == 0
    assert posebeam(["train", str(out), str(tmp_path / "new"), "--epochs", "1", "--device", "cpu"]) == 0
    trained = Trained.load(tmp_path / "new")
    assert (trained.made.chain, trained.classes) == ("act-window", ("box", "run", "standing", "walk"))
    assert posebeam(["windows", str(out), str(tmp_path / "again")]) == 1


@pytest.fixture
def skeletons(tmp_path):
    """A skeleton pickle of three classes in PYSKL's form: two people a clip, splits xsub and xview."""
    rng, own = np.random.default_rng(0), []
    for number in range(12):
        xy = rng.uniform(20, 200, (2, 1, 17, 2)) + rng.normal(0, 3, (2, 45, 17, 2)).cumsum(1)
        own.append({
            "frame_dir": f"S{number:03d}", "label": number % 3, "img_shape": (240, 320), "total_frames": 45,
            "keypoint": xy.astype(np.float16), "keypoint_score": np.full((2, 45, 17), 0.75, np.float16),
        })  # fmt: skip
    names = [one["frame_dir"] for one in own]
    split = {"xsub_train": names[:6], "xsub_val": names[6:], "xview_train": names[6:], "xview_val": names[:6]}
    path = tmp_path / "ntu.pkl"
    path.write_bytes(pickle.dumps({"split": split, "annotations": own}))
    return path


def test_a_skeleton_pickle_trains_a_model_and_leaves_as_one(skeletons, tmp_path, capsys):
    out, names = tmp_path / "data", tmp_path / "names.txt"
    names.write_text("sit\nstand\nwalk\n")
    command = ["import", "pyskl", str(skeletons), str(out), "--classes", str(names)]
    assert posebeam(command) == 2
    assert "has the splits 'xsub', 'xview'" in " ".join(capsys.readouterr().err.split())
    assert posebeam([*command, "--protocol", "xview", "--person", "all"]) == 0
    assert "no clip at all for test" in capsys.readouterr().err
    assert posebeam(["check", str(out)]) == 0
    reader = WindowReader(out)
    assert reader.classes == ("sit", "stand", "walk")
    assert {*reader.clips[reader.parts() == "train"]} == {f"S{number:03d}" for number in range(6, 12)}
    assert posebeam(["train", str(out), str(tmp_path / "run"), "--epochs", "1", "--device", "cpu"]) == 0
    assert posebeam(["windows", str(out), str(tmp_path / "again"), "--chain", "act-window"]) == 0
    assert posebeam(["export", str(out), str(tmp_path / "back.pkl")]) == 0
    back = pickle.loads((tmp_path / "back.pkl").read_bytes())
    assert back["posebeam"]["classes"] == ["sit", "stand", "walk"]
    own = {one["frame_dir"]: one for one in pickle.loads(skeletons.read_bytes())["annotations"]}
    for one in back["annotations"]:
        expected = own[one["frame_dir"]]["keypoint"][one["person"]]
        np.testing.assert_array_equal(one["keypoint"], expected)


class Touches:
    """Makes a file when it is unpickled as pickle.load does it."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


def test_a_pickle_with_code_is_refused_and_runs_nothing(tmp_path, capsys):
    (tmp_path / "bad.pkl").write_bytes(pickle.dumps({"annotations": [Touches(tmp_path / "canary")]}))
    assert posebeam(["import", "pyskl", str(tmp_path / "bad.pkl"), str(tmp_path / "out")]) == 1
    assert "'io.open' is named" in " ".join(capsys.readouterr().err.split())
    assert [path.name for path in tmp_path.iterdir()] == ["bad.pkl"]
    pickle.loads((tmp_path / "bad.pkl").read_bytes())
    assert (tmp_path / "canary").exists()


def test_coco_results_become_images_and_leave_as_they_came(tmp_path, capsys):
    images = [{"id": 5, "file_name": "a.jpg", "width": 64, "height": 48}]
    (tmp_path / "val.json").write_text(json.dumps({"images": images}))
    keypoints = [value for number in range(17) for value in (number, 2.5 * number, 1)]
    entries = [{"image_id": 5, "category_id": 1, "keypoints": keypoints, "score": 0.25}]
    (tmp_path / "results.json").write_text(json.dumps(entries))
    command = ["import", "coco-results", str(tmp_path / "results.json"), str(tmp_path / "out")]
    assert posebeam(command) == 2
    assert "coco-results needs --annotations" in capsys.readouterr().err
    assert posebeam([*command, "--annotations", str(tmp_path / "val.json")]) == 0
    assert posebeam(["check", str(tmp_path / "out")]) == 0
    assert posebeam(["export", str(tmp_path / "out"), str(tmp_path / "back.json")]) == 0
    assert json.loads((tmp_path / "back.json").read_text()) == entries
