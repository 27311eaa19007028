"""posebeam explain, as a person runs it: pictures that are there whole, or words on what to do."""

import json

import numpy as np
import pytest
from matplotlib.image import imread
from safetensors.torch import save_file

from posebeam.models import registry
from posebeam.pipelines.decode import open_clip
from posebeam.workflows.action.trained import Trained
from posebeam.workflows.action.training import train
from posebeam.workflows.action.watch import rule_of
from posebeam.workflows.cli import run as posebeam
from posebeam.workflows.commands.train import TrainConfig
from posebeam.workflows.explain.film import person_regions, read_film
from posebeam.workflows.explain.person import annotated_box, surest_box
from posebeam.workflows.explain.window import attended_window


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Checkpoints of made weights by the backbones' names."""
    folder = tmp_path_factory.mktemp("made")
    for name in ("transpose-r-a3", "btranspose-c2a1-4"):
        save_file(registry.build_network(name).state_dict(), folder / f"{name}.safetensors")
    return folder


@pytest.fixture
def picture(media):
    return media / "people.jpg"


@pytest.fixture
def explain(picture, tmp_path, capsys):
    """Runs it on the picture; gives the exit code, what was said, and the figure's path."""

    def run(*argv, source=picture, out="new/out.png"):
        capsys.readouterr()
        code = posebeam(["explain", str(source), str(tmp_path / out), *map(str, argv), "--device", "cpu"])
        return code, " ".join(capsys.readouterr().err.split()), tmp_path / out

    return run


def test_a_figure_has_a_row_a_layer_and_a_column_a_joint(explain, made):
    backbone = ("--backbone", f"transpose-r-a3={made / 'transpose-r-a3.safetensors'}")
    box = ("--box", "300,20,120,250")
    code, _, path = explain(*backbone, *box, "--layers", "0,last", "--joints", "nose,left_wrist")
    assert code == 0
    small = imread(path)
    assert [each.name for each in path.parent.iterdir()] == [path.name]
    before = path.read_bytes()
    assert explain(*backbone, *box, "--layers", "0,last", "--joints", "nose,left_wrist")[0] == 0
    assert path.read_bytes() == before
    other = ("--backbone", f"btranspose-c2a1-4={made / 'btranspose-c2a1-4.safetensors'}")
    code, _, path = explain(*backbone, *other, *box, "--layers", "mhsa,0", "--head", "1", "--areas", "affects")
    assert code == 0
    large = imread(path)
    assert large.shape[1] > 2 * small.shape[1]


def test_the_person_is_whom_multipose_is_surest_of_or_the_whole_picture(media):
    with open_clip(media / "actions" / "walking" / "garden_1.mp4") as clip:
        frame = next(iter(clip)).rgb
    box, whom = surest_box(frame, "cpu")
    people = registry.load_estimator("movenet-multipose", device="cpu")([frame], [None])[0]
    x0, y0, x1, y1 = people.boxes[0]
    np.testing.assert_allclose(box, [x0, y0, x1 - x0, y1 - y0], atol=0.1)
    assert "surest" in whom
    box, whom = surest_box(np.zeros((60, 90, 3), np.uint8), "cpu")
    assert box.tolist() == [0, 0, 90, 60]
    assert "sees nobody" in whom


@pytest.fixture
def annotations(tmp_path):
    path = tmp_path / "person_keypoints.json"
    images = [{"id": 1, "file_name": "people.jpg"}, {"id": 2, "file_name": "other.jpg"}]
    people = [{"id": 10, "image_id": 1, "bbox": [1, 2, 30.5, 40]}, {"id": 11, "image_id": 2, "bbox": [5, 5, 5, 5]}]
    path.write_text(json.dumps({"images": images, "annotations": people}))
    return path


def test_an_annotation_names_the_person(annotations):
    assert annotated_box(annotations, 10, "people.jpg").tolist() == [1, 2, 30.5, 40]


@pytest.mark.parametrize(
    ("argv", "code", "said"),
    [
        ((), 2, "give --backbone NAME (once or more) for a picture, or --run RUN for a video"),
        (("--backbone", "transpose-r-a"), 2, "no backbone 'transpose-r-a'; near: transpose-r-a"),
        (("--backbone", "movenet-thunder"), 2, "movenet-thunder is a whole-frame backbone"),
        (("--backbone", "transpose-r-a3", "--backbone", "transpose-r-a4", "--weights", "x"), 2, "NAME=x"),
        (("--backbone", "transpose-r-a3={made}", "--box", "1,2,3"), 2, "expected X,Y,WIDTH,HEIGHT"),
        (("--backbone", "transpose-r-a3={made}", "--box", "5000,2,30,40"), 2, "outside of the picture (1300 x"),
        (("--backbone", "transpose-r-a3={made}", "--annotation-id", "10"), 2, "needs --annotations FILE"),
        (
            ("--backbone", "transpose-r-a3={made}", "--annotations", "{json}", "--annotation-id", "11"),
            2, "annotation 11 is of other.jpg, not of people.jpg",
        ),
        (
            ("--backbone", "transpose-r-a3={made}", "--annotations", "{json}", "--annotation-id", "12"),
            2, "no annotation 12; of people.jpg: 10",
        ),
        (("--backbone", "transpose-r-a3={made}", "--box", "9,9,99,99", "--layers", "7"), 2, "0, 1, 2, last"),
        (("--backbone", "transpose-r-a3={made}", "--box", "9,9,99,99", "--head", "8"), 2, "there are 8"),
        (("--backbone", "transpose-r-a3={made}", "--box", "9,9,99,99", "--joints", "tail"), 2, "no joint 'tail'"),
        (("--backbone", "transpose-r-a3={made}", "--box", "9,9,99,99", "--refinement"), 2, "the prtr rows have"),
        (("--backbone", "detr-r50", "--box", "9,9,99,99"), 2, "a detector looks at the whole picture"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_said_and_nothing_written(explain, made, annotations, argv, code, said):
    file = made / "transpose-r-a3.safetensors"
    got, words, path = explain(*(each.format(made=file, json=annotations) for each in argv))
    assert got == code
    assert said in words
    assert not path.exists()
    assert not path.parent.exists() or not [*path.parent.iterdir()]


def test_only_png_is_written(explain):
    code, words, path = explain("--backbone", "transpose-r-a3", out="out.pdf")
    assert code == 2
    assert "written as .png" in words
    assert not path.exists()


def test_without_weights_it_says_what_to_download(explain, monkeypatch, tmp_path):
    """Never made ones: they would show nothing that means anything."""
    monkeypatch.setenv("POSEBEAM_OFFLINE", "1")
    monkeypatch.setenv("POSEBEAM_CACHE", str(tmp_path / "cache"))
    box = ("--box", "300,20,120,250")
    code, words, path = explain("--backbone", "transpose-r-a3", *box)
    assert code == 1
    assert registry.row("transpose-r-a3").weights.url in words
    code, words, _ = explain("--backbone", "btranspose-c3a1-4", *box)
    assert code == 1
    assert "no weights of btranspose-c3a1-4 were published: give a file" in words
    code, words, _ = explain("--backbone", "transpose-r-a3", "--weights", "made", *box)
    assert code == 1
    assert "made: no such file" in words
    assert not path.exists()


@pytest.fixture(scope="module")
def run_folder(make_windows, tmp_path_factory):
    """A model of one epoch, for windows of MoveNet Lightning."""
    folder = tmp_path_factory.mktemp("runs")
    train(make_windows(folder / "out"), folder / "run", TrainConfig(epochs=1, batch_size=16, device="cpu"))
    return folder / "run"


@pytest.fixture(scope="module")
def video(media):
    return media / "actions" / "walking" / "garden_1.mp4"


@pytest.fixture(scope="module")
def attended(run_folder, video):
    trained = Trained.load(run_folder, "cpu")
    rule = rule_of(trained, "movenet-lightning", -1.0)
    estimator = registry.load_estimator("movenet-lightning", device="cpu")
    return attended_window(video, trained, estimator, rule), rule


def test_what_the_class_token_takes_sums_to_one(attended):
    seen, _ = attended
    assert seen.to_frames.shape == (4, 30)
    np.testing.assert_allclose(seen.to_frames.sum(1) + seen.to_itself, 1, atol=1e-5)
    assert seen.to_frames.min() > 0


def test_the_window_is_the_one_most_sure_of_the_videos_label(attended):
    seen, _ = attended
    best = seen.prediction.windows[:, seen.prediction.overall.argmax()]
    assert seen.number == best.argmax()
    assert seen.frames[0] == seen.prediction.starts[seen.number]
    np.testing.assert_array_equal(seen.probabilities, seen.prediction.windows[seen.number])


def test_the_film_shows_the_person_in_the_windows_frames(attended, video):
    """Limbs in their colours, on other pictures in other frames."""
    seen, rule = attended
    film = read_film(video, seen, person_regions(seen, rule.min_score), rule.min_score, 0.0)
    assert len(film) == 30
    for picture in film:
        assert picture.shape == film[0].shape
        orange = (picture == (255, 130, 0)).all(2)
        assert orange.sum() > 20
    assert np.abs(film[0].astype(int) - film[-1]).mean() > 5


def test_a_run_explains_a_video_and_no_image(explain, run_folder, video, picture):
    code, words, path = explain("--run", run_folder, "--window", "0", source=video)
    assert (code, words) == (0, str(path))
    assert imread(path).shape[1] > 3000
    code, words, _ = explain("--run", run_folder, "--window", "99", source=video, out="other.png")
    assert code == 2
    assert "numbered from 0" in words
    code, words, _ = explain("--run", run_folder, out="other.png")
    assert code == 2
    assert "windows of a video, not at an image" in words


def test_a_frame_of_a_video_can_be_looked_at(explain, made, video):
    backbone = ("--backbone", f"transpose-r-a3={made / 'transpose-r-a3.safetensors'}", "--box", "100,50,100,200")
    chosen = ("--layers", "0", "--joints", "nose")
    code, _, first = explain(*backbone, *chosen, source=video)
    assert code == 0
    code, _, later = explain(*backbone, *chosen, "--frame", "20", source=video, out="later.png")
    assert code == 0
    assert first.read_bytes() != later.read_bytes()
    code, words, _ = explain(*backbone, *chosen, "--frame", "100000", source=video, out="none.png")
    assert code == 2
    assert "numbered from 0" in words
