"""People as a network in training sees them."""

import json

import numpy as np
import pytest
import torch
from torch import nn

from posebeam.models.decoders.heatmaps import quarter
from posebeam.models.decoders.matching import two_stage
from posebeam.models.pixels import DEVIATION, MEAN
from posebeam.models.registry import row
from posebeam.models.top_down import TopDownView
from posebeam.pipelines.build import build
from posebeam.pipelines.images.reader import ImageReader
from posebeam.pipelines.settings import PoseSettings, Settings
from posebeam.pipelines.sources import coco
from posebeam.transforms.errors import ConfigError, DataError
from posebeam.transforms.framing import FRAMINGS, through
from posebeam.transforms.pose_augment import NO_AUGMENTATION, PoseAugmentation
from posebeam.transforms.skeleton import skeleton
from posebeam.transforms.windows import WindowRule
from posebeam.workflows.pose.data import pose_loader
from posebeam.workflows.pose.persons import PersonSet

BODY = skeleton("coco17")
ROWS = pytest.mark.parametrize("name", ["hrnet-w32", "transpose-r-a4", "simple-baseline-r50", "prtr-r50-384"])
HEIGHT, WIDTH = 240, 320
LEFT, RIGHT = BODY.index("left_wrist"), BODY.index("right_wrist")
WRISTS = {LEFT: (150.0, 110.25), RIGHT: (176.5, 130.0)}  # as COCO counts: 0 at the middle of the first pixel


def entry(number, box, joints):
    """COCO's entry of a person with these joints."""
    keypoints = np.zeros((17, 3))
    for joint, xy in joints.items():
        keypoints[joint] = (*xy, 2)
    return {
        "id": number, "bbox": list(box), "keypoints": keypoints.ravel().tolist(), "num_keypoints": len(joints),
        "area": 900.0, "iscrowd": 0,
    }  # fmt: skip


def blobs():
    """A picture whose left wrist glows red and whose right wrist glows green."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    picture = np.zeros((HEIGHT, WIDTH, 3))
    for channel, joint in enumerate((LEFT, RIGHT)):
        away = (x - WRISTS[joint][0]) ** 2 + (y - WRISTS[joint][1]) ** 2
        picture[..., channel] = 255 * np.exp(-away / (2 * 2.5**2))
    return picture.round().astype(np.uint8)


@pytest.fixture(scope="module")
def glowing(tmp_path_factory, make_images):
    """That picture, with one person in it."""
    people = [entry(7, (120, 70, 90, 100), WRISTS)]
    out = make_images(tmp_path_factory.mktemp("glowing"), [{"picture": blobs(), "people": people, "id": 42}])
    return ImageReader(out)


@pytest.fixture(scope="module")
def crowd(tmp_path_factory, make_images):
    """Three noisy pictures with several people, one of them over the edge and one wholly outside."""
    boxes = [(10.5, 20.25, 60, 150), (-8, 100, 50, 60), (280, 200, 90, 80), (400, 10, 20, 20)]
    people = [entry(k, box, {0: (box[0] + 9, box[1] + 9), 5: (30, 40)}) for k, box in enumerate(boxes)]
    rng = np.random.default_rng(0)
    pictures = []
    for n in range(3):
        others = [dict(one, id=one["id"] + 10 * n) for one in people]
        pictures.append({"picture": rng.integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8), "people": others})
    return ImageReader(make_images(tmp_path_factory.mktemp("crowd"), pictures))


class Recorder(nn.Module):
    """Says nothing of pictures, and keeps them."""

    def __init__(self, queries):
        super().__init__()
        self.queries, self.seen = queries, []

    def forward(self, images):
        self.seen.append(images)
        if self.queries:
            said = torch.zeros(len(images), 100, 20).split((18, 2), 2)
            return dict(zip(("pred_logits", "pred_coords"), said, strict=True))
        return torch.zeros(len(images), 17, images.shape[2] // 4, images.shape[3] // 4)


@ROWS
def test_without_augmentation_a_network_sees_what_the_estimator_shows_it(crowd, name):
    facts = row(name)
    persons = PersonSet(crowd, np.arange(3), facts, NO_AUGMENTATION)
    batch = persons.__getitems__(range(len(persons)))
    queries = name.startswith("prtr")
    recorder = Recorder(queries)
    view = TopDownView(facts, recorder, two_stage if queries else quarter, torch.device("cpu"), 32)
    frames = crowd.images(persons.images)
    boxes = crowd.people.boxes[persons.persons]
    cleaned = [FRAMINGS[facts.framing].clean(box[None], (HEIGHT, WIDTH))[0] for box in boxes]
    view.in_boxes(frames, np.concatenate(cleaned), view.margin)
    assert batch.annotation_id.tolist() == [0, 1, 2, 10, 11, 12, 20, 21, 22]  # who is outside is left out
    assert torch.equal(batch.image, torch.cat(recorder.seen)[:9])  # the rest fills the batch up


@ROWS
def test_joints_lie_on_what_they_are_the_joints_of(glowing, name):
    facts = row(name)
    persons = PersonSet(glowing, np.arange(1), facts, PoseAugmentation(half_body=0.0), seed=1)
    batch = persons.__getitems__(range(30))  # of 30 epochs
    mirrored = 0
    for image, joints, to_source in zip(batch.image, batch.joints, batch.to_source, strict=True):
        glow = image.permute(1, 2, 0).double().numpy() * DEVIATION + MEAN
        glow = glow[..., ::-1] if facts.colour == "bgr" else glow
        flipped = to_source[0, 0] * to_source[1, 1] < to_source[0, 1] * to_source[1, 0]
        mirrored += int(flipped)
        for channel, joint in enumerate((RIGHT, LEFT) if flipped else (LEFT, RIGHT)):
            weight = glow[..., channel].clip(0, 1)
            y, x = np.mgrid[: weight.shape[0], : weight.shape[1]]
            middle = np.array([(weight * x).sum(), (weight * y).sum()]) / weight.sum()
            assert joints[joint].numpy() == pytest.approx(middle, abs=0.1)
    assert 5 < mirrored < 25


def test_a_batch_says_who_is_in_it_and_how_to_get_back(glowing):
    persons = PersonSet(glowing, np.arange(1), row("transpose-r-a4"), PoseAugmentation(flip=0.0), seed=3)
    batch = persons[0]
    assert batch.image.shape == (1, 3, 256, 192)
    assert (batch.image.dtype, batch.joints.dtype, batch.visible.dtype) == (torch.float32,) * 3
    assert (batch.image_id.tolist(), batch.annotation_id.tolist()) == ([42], [7])
    assert batch.visible.nonzero()[:, 1].tolist() == [LEFT, RIGHT]
    back = through(batch.joints.numpy(), batch.to_source.numpy())
    assert back[0, [LEFT, RIGHT]] == pytest.approx(np.array([*WRISTS.values()]), abs=1e-3)


def test_chance_follows_from_seed_epoch_and_sample_alone(crowd):
    facts, images = row("hrnet-w32"), np.arange(3)

    def seen(seed, numbers):
        return PersonSet(crowd, images, facts, PoseAugmentation(), seed=seed).__getitems__(numbers)

    together, alone = seen(0, [2, 13, 4]), seen(0, [13])
    assert torch.equal(together.image[1], alone.image[0])
    assert torch.equal(together.joints[1], alone.joints[0])
    assert not torch.equal(alone.to_source, seen(1, [13]).to_source)
    assert not torch.equal(alone.to_source, seen(0, [13 + 9]).to_source)


def test_workers_see_the_same(crowd):
    persons = PersonSet(crowd, np.arange(3), row("hrnet-w32"), PoseAugmentation(), seed=5)
    here = [batch.image for batch in pose_loader(persons, 4)]
    there = [batch.image for batch in pose_loader(persons, 4, workers=2)]
    assert [len(image) for image in here] == [4, 4, 1]
    assert all(torch.equal(a, b) for a, b in zip(here, there, strict=True))


def test_images_without_anybody_and_other_backbones_are_refused(crowd):
    with pytest.raises(DataError, match="nobody in its 0 images"):
        PersonSet(crowd, np.arange(0), row("hrnet-w32"), NO_AUGMENTATION)
    with pytest.raises(ConfigError, match="movenet-lightning looks at whole-frames"):
        PersonSet(crowd, np.arange(3), row("movenet-lightning"), NO_AUGMENTATION)


def test_a_built_data_set_shows_the_people_of_the_annotations(foreign_data, tmp_path):
    annotations = foreign_data / "coco" / "annotations" / "person_keypoints_train2017_subset.json"
    poses = PoseSettings("coco-images", "", "", crop_following=False, images=True)
    listing = coco.list_clips(foreign_data / "coco" / "images", annotations=annotations)
    build(listing, Settings(poses, WindowRule(min_score=0.0)), tmp_path / "out")
    reader = ImageReader(tmp_path / "out")
    persons = PersonSet(reader, np.arange(len(reader)), row("hrnet-w32"), NO_AUGMENTATION)
    annotated = {one["id"]: one for one in json.loads(annotations.read_text())["annotations"]}
    expected = [one["id"] for one in annotated.values() if one["num_keypoints"] and not one["iscrowd"]]
    batch = persons.__getitems__(range(len(persons)))
    assert sorted(batch.annotation_id.tolist()) == sorted(expected)
    back = through(batch.joints.double().numpy(), batch.to_source.numpy())
    inside = ((batch.joints >= 0) & (batch.joints <= torch.tensor([191.0, 255.0]))).all(2).numpy()
    ids = zip(batch.annotation_id.tolist(), batch.image_id.tolist(), strict=True)
    for (number, image), xy, within in zip(ids, back, inside, strict=True):
        points = np.array(annotated[number]["keypoints"], float).reshape(17, 3)
        labelled = points[:, 2] > 0
        assert annotated[number]["image_id"] == image
        assert xy[labelled] == pytest.approx(points[labelled, :2], abs=0.01)
        assert within[points[:, 2] == 2].all()  # hidden ones may be guessed outside of the box
