"""A run folder of train-pose in place of a backbone's name: building, predicting, explaining, scoring, listing."""

import json
import shutil
from dataclasses import replace

import cv2
import pytest
from safetensors.torch import save_file

from posebeam.models import registry
from posebeam.models.run_row import FILE, WEIGHTS, write_run_row
from posebeam.pipelines.decode import open_clip
from posebeam.workflows.action.trained import Trained
from posebeam.workflows.action.training import train
from posebeam.workflows.cli import run as posebeam
from posebeam.workflows.commands.train import TrainConfig

SMALL = {"layers": 1, "image": [64, 48], "feedforward": 32}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run folder of a small TransPose-R with made weights, which sees a joint wherever it looks."""
    folder = tmp_path_factory.mktemp("runs") / "mine"
    write_run_row(replace(registry.row("transpose-r-a3"), input=(64, 48), arguments=SMALL, min_score=0.0), folder)
    network = registry.build_network("transpose-r-a3", **SMALL)
    save_file({name: value.contiguous() for name, value in network.state_dict().items()}, folder / WEIGHTS)
    return folder


@pytest.fixture(scope="module")
def clips(media, tmp_path_factory):
    """A real clip of each label, cut to a second and some."""
    folder = tmp_path_factory.mktemp("clips")
    for name in ("balancing/camera_1.mp4", "walking/garden_2.avi"):
        path = (folder / name).with_suffix(".avi")
        path.parent.mkdir()
        frames = [frame.rgb for frame, _ in zip(open_clip(media / "actions" / name), range(32), strict=False)]
        height, width = frames[0].shape[:2]
        writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 25.0, (width, height))
        for frame in frames:
            writer.write(frame[..., ::-1])
        writer.release()
    return folder


@pytest.fixture
def ask(capsys):
    """The command: exit code, what it printed, what it said."""

    def asked(*words):
        code = posebeam([str(word) for word in words])
        said = capsys.readouterr()
        return code, said.out, " ".join(said.err.split())

    return asked


@pytest.fixture(scope="module")
def data(run, clips, tmp_path_factory):
    """A data set of the run's poses."""
    out = tmp_path_factory.mktemp("data") / "out"
    assert posebeam(["build", "videos", str(clips), str(out), "--backbone", str(run), "--device", "cpu"]) == 0
    return out


def promised(out):
    files = (path for path in out.rglob("*") if path.is_file() and path.name != "run.json")
    return {str(path.relative_to(out)): path.read_bytes() for path in files}


def test_a_data_set_names_the_run_and_its_hashes_but_not_where_it_lies(data, run):
    config = json.loads((data / "manifest.json").read_text())["config"]
    assert (config["backbone"], config["skeleton"], config["detector"]) == ("mine", "coco17", "movenet-multipose")
    assert config["weights_sha256"] == registry.weights_sha256(str(run))
    assert config["backbone_sha256"] == registry.row_sha256(str(run))
    assert not [name for name, content in promised(data).items() if str(run.parent).encode() in content]
    assert "mine (boxes by movenet-multipose, of a run of posebeam train-pose" in (data / "README.md").read_text()


def test_the_same_run_elsewhere_gives_the_same_bytes(data, run, clips, tmp_path, ask, monkeypatch):
    shutil.copytree(run, tmp_path / "moved")
    monkeypatch.chdir(tmp_path)
    assert ask("build", "videos", clips, "again", "--backbone", "moved", "--device", "cpu")[0] == 0
    assert promised(tmp_path / "again") == promised(data)
    code, out, _ = ask("build", "videos", clips, "again", "--backbone", run, "--device", "cpu", "--json")
    assert (code, json.loads(out)["shards_skipped"], json.loads(out)["clips_decoded_now"]) == (0, 1, 0)


def test_another_row_or_other_weights_are_another_configuration(data, run, clips, tmp_path, ask):
    other = tmp_path / "mine"
    shutil.copytree(run, other)
    (other / FILE).write_text((run / FILE).read_text().replace("middles", "edges"))
    code, _, said = ask("build", "videos", clips, data, "--backbone", other, "--device", "cpu")
    assert (code, "framing 'edges', expected one of" in said) == (2, True)
    (other / FILE).write_text((run / FILE).read_text() + "min_person = 0.5\n")
    code, _, said = ask("build", "videos", clips, data, "--backbone", other, "--device", "cpu")
    assert code != 0
    assert "poses.backbone_sha256" in said


def test_what_is_built_needs_the_run_no_more(data, run, tmp_path, ask):
    aside = run.with_name("aside")
    run.rename(aside)
    try:
        assert ask("check", data)[0] == 0
        assert ask("windows", data, tmp_path / "new", "--stride", "10")[0] == 0
        assert ask("export", data, tmp_path / "poses.pkl")[0] == 0
        assert ask("overlay", data, "walking/garden_2.avi", tmp_path / "overlay.mp4")[0] == 0
    finally:
        aside.rename(run)


@pytest.fixture(scope="module")
def model(make_windows, run, tmp_path_factory):
    """A model of one epoch whose windows, so their manifest, were made of the run's poses."""
    folder = tmp_path_factory.mktemp("model")
    manifest = make_windows(folder / "out") / "manifest.json"
    facts = json.loads(manifest.read_text())
    facts["config"] |= {
        "backbone": "mine", "weights_sha256": registry.weights_sha256(str(run)),
        "backbone_sha256": registry.row_sha256(str(run)), "crop_following": False,
    }  # fmt: skip
    manifest.write_text(json.dumps(facts))
    train(folder / "out", folder / "model", TrainConfig(epochs=1, batch_size=16, device="cpu"))
    return folder / "model"


def test_a_model_of_a_runs_poses_asks_where_the_run_is(model, run, clips, ask):
    video = clips / "walking/garden_2.avi"
    for command in (("predict", model, video), ("explain", video, model / "x.png", "--run", model)):
        code, _, said = ask(*command, "--device", "cpu")
        assert code == 1
        assert "was trained on poses of mine, which is a run of posebeam train-pose" in said
    code, out, _ = ask("predict", model, video, "--backbone", run, "--device", "cpu", "--json")
    assert (code, json.loads(out)["trained_on"], json.loads(out)["error"]) == (0, "mine", None)
    assert json.loads(out)["windows"]


def test_a_model_knows_the_run_by_name_row_and_weights(model, run, tmp_path):
    trained = Trained.load(model, "cpu")
    moved, edited, others = (tmp_path / name for name in ("moved", "edited", "others"))
    for each in (moved, edited, others):
        shutil.copytree(run, each)
    (edited / FILE).write_text((run / FILE).read_text() + "\n")
    save_file(registry.build_network("movenet-lightning").state_dict(), others / WEIGHTS)
    assert [trained.knows_backbone(str(each)) for each in (run, moved, edited, others)] == [
        True,
        True,
        False,
        False,
    ]
    assert not trained.knows_backbone("movenet-lightning")
    assert trained.backbone("movenet-lightning") == "movenet-lightning"


def test_a_figure_of_a_run_and_of_another_checkpoint_for_it(run, media, tmp_path, ask):
    words = ("--box", "300,20,120,250", "--joints", "nose", "--device", "cpu")
    both = ("--backbone", run, "--backbone", f"{run}={run / WEIGHTS}")
    code, _, said = ask("explain", media / "people.jpg", tmp_path / "out.png", *both, *words)
    assert (code, (tmp_path / "out.png").exists()) == (0, True), said


def test_figures_and_results_carry_the_runs_name(run, media, tmp_path, ask, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "images").mkdir()
    shutil.copy(media / "people.jpg", tmp_path / "images")
    height, width = cv2.imread(str(media / "people.jpg")).shape[:2]
    person = {
        "id": 1, "image_id": 1, "category_id": 1, "iscrowd": 0, "area": 9e3, "bbox": [300.0, 20.0, 120.0, 250.0],
        "keypoints": [320.0, 100.0, 2] * 17, "num_keypoints": 17,
    }  # fmt: skip
    image = {"id": 1, "file_name": "people.jpg", "height": height, "width": width}
    dataset = {"images": [image], "categories": [{"id": 1, "name": "person"}], "annotations": [person]}
    (tmp_path / "people.json").write_text(json.dumps(dataset))
    words = ("coco-eval", "images", "--annotations", "people.json", "--device", "cpu", "--backbone", run)
    code, out, said = ask(*words, "--boxes", "gt", "--flip", "--json")
    assert code == 0, said
    facts = json.loads(out)
    assert (facts["backbone"], facts["run"], facts["results"]) == ("mine", str(run), 1)
    assert (tmp_path / facts["results_file"]) == tmp_path / "mine-gt-results.json"
    code, _, said = ask(*words, "--detector", run)
    assert (code, "a backbone that finds joints: no detector" in said) == (2, True)


def test_a_run_is_listed_as_a_row_is(run, ask):
    code, out, _ = ask("backbones", run, "--json")
    (facts,) = json.loads(out)
    assert (code, facts["name"], facts["arguments"], facts["weights"]["run"]) == (0, "mine", SMALL, str(run))
    assert "model.safetensors of the run" in ask("backbones", run, "--markdown")[1]
