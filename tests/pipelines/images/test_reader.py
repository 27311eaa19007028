"""Images of a data set, read for training."""

import cv2
import numpy as np
import pytest

from posebeam.pipelines.images import reader as image_reader
from posebeam.pipelines.images.reader import ImageReader
from posebeam.pipelines.manifest import FILE
from posebeam.pipelines.stills.still import open_still
from posebeam.transforms.errors import DataError

BOX = [10.0, 12.0, 20.0, 30.0]


def person(number, **other):
    """COCO's entry of somebody with three labelled joints, one of them hidden."""
    keypoints = [11, 13, 2, 15, 20, 1, *[0] * 42, 29, 41, 2]
    return {
        "id": number, "bbox": BOX, "keypoints": keypoints, "num_keypoints": 3, "area": 300.0, "iscrowd": 0,
    } | other  # fmt: skip


def noise(seed, size=(60, 80)):
    """A picture that does not compress."""
    return np.random.default_rng(seed).integers(0, 256, (*size, 3), np.uint8)


@pytest.fixture(scope="module")
def out(tmp_path_factory, make_images):
    """24 pictures of 14 kB in row groups of 4; picture n has n % 3 people; a part of each name."""
    parts = ["train"] * 16 + ["validation"] * 4 + ["test"] * 4
    pictures = [
        {"picture": noise(n), "people": [person(10 * n + k) for k in range(n % 3)], "split": parts[n]}
        for n in range(24)
    ]
    return make_images(tmp_path_factory.mktemp("images") / "out", pictures, row_group=4)


@pytest.fixture
def reads(monkeypatch):
    """How many row groups were read, in a list."""
    counted, true = [], ImageReader._read

    def read(self, number):
        if number not in self._held:
            counted.append(number)
        return true(self, number)

    monkeypatch.setattr(ImageReader, "_read", read)
    return counted


def test_what_is_told_of_images(out):
    reader = ImageReader(out)
    assert len(reader) == 24
    assert sorted(reader.image_ids.tolist()) == list(range(1, 25))
    assert [len(reader.part(part)) for part in ("train", "validation", "test")] == [16, 4, 4]
    assert reader.sizes.tolist() == [[60, 80]] * 24
    assert reader.config["kind"] == "coco-images"
    assert reader.clips[reader.image_ids == 7] == ["000006.png"]


def test_people_stand_with_their_images(out):
    reader = ImageReader(out)
    people = reader.people
    assert len(people) == 24
    assert (people.annotation_id // 10 + 1 == reader.image_ids[people.image]).all()
    assert people.boxes.tolist() == [BOX] * 24
    assert people.joints[0, [0, 1, 2, 16]].tolist() == [[11.5, 13.5], [15.5, 20.5], [0, 0], [29.5, 41.5]]
    assert people.labels[0].tolist() == [2, 1, *[0] * 14, 2]
    assert people.trains.all()


def test_who_trains(tmp_path, make_images):
    unlabelled = {"keypoints": [0] * 51, "num_keypoints": 0}
    people = [
        person(1), person(2, iscrowd=1), person(3, area=0.0), person(4, bbox=[5, 5, 0, 9]),
        person(5, **unlabelled), person(6, area=None),
    ]  # fmt: skip
    read = ImageReader(make_images(tmp_path, [{"picture": noise(0), "people": people}])).people
    assert read.annotation_id[read.trains].tolist() == [1, 6]
    assert read.annotation_id[read.boxed].tolist() == [1, 5, 6]


def test_images_without_people(tmp_path, make_images):
    reader = ImageReader(make_images(tmp_path, [{"picture": noise(0), "id": None}]))
    assert len(reader.people) == 0
    assert reader.people.joints.shape == (0, 17, 2)
    assert reader.image_ids.tolist() == [-1]


def test_pictures_in_the_order_asked_for(out):
    reader = ImageReader(out)
    numbers = [20, 3, 20, 0]
    for picture, number in zip(reader.images(numbers), numbers, strict=True):
        assert (picture == noise(reader.image_ids[number] - 1)).all()


def test_a_picture_is_what_a_build_sees(media, tmp_path, make_images):
    file = media / "people.jpg"
    reader = ImageReader(make_images(tmp_path, [{"picture": file.read_bytes()}]))
    (frame,) = open_still(file)
    assert (reader.images([0])[0] == frame.rgb).all()


def test_a_picture_that_is_asked_for_twice_is_decoded_once(out, monkeypatch):
    decodings = []
    monkeypatch.setattr(
        image_reader, "decoded", lambda content, _: decodings.append(1) or np.zeros((1, 1, 3), np.uint8)
    )
    assert len(ImageReader(out).images([5, 2, 5, 5])) == 4
    assert len(decodings) == 2


@pytest.mark.parametrize(("memory", "readers"), [(200_000, 1), (400_000, 2), (1, 1)])
def test_an_epoch_in_little_memory_reads_every_row_group_once(out, reads, memory, readers):
    reader = ImageReader(out, memory=memory)
    reader.readers = readers
    images = np.repeat(reader.part("train"), 3)  # three people each
    order = reader.order(images, np.random.default_rng(0))
    assert sorted(order.tolist()) == list(range(48))
    assert order.tolist() != sorted(order.tolist())
    most = 0
    for number in images[order]:
        reader.images([number])
        most = max(most, reader.held_bytes)
    assert sorted(reads) == sorted(set(reads))
    assert len(reads) == 4
    assert most <= max(memory // readers, 70_000)  # one row group at least


def test_where_all_is_held_the_order_is_all_at_random(out):
    reader = ImageReader(out)
    images = reader.part("train")
    order = reader.shuffled(images, np.random.default_rng(0))
    assert sorted(order.tolist()) == images.tolist()
    assert len({tuple(sorted(order[k : k + 4] // 4)) for k in range(0, 16, 4)} & {(g,) * 4 for g in range(4)}) == 0


def test_the_order_follows_from_the_generator(out):
    reader = ImageReader(out, memory=200_000)
    images = np.arange(24)
    first, again, other = (reader.order(images, np.random.default_rng(seed)).tolist() for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_unfinished_and_other_data_sets_are_refused(tmp_path, out, make_windows):
    with pytest.raises(DataError, match="unfinished"):
        ImageReader(tmp_path)
    with pytest.raises(DataError, match="holds no images"):
        ImageReader(make_windows(tmp_path / "windows"))


def test_damage_is_told(tmp_path, make_images):
    out = make_images(tmp_path, [{"picture": noise(n)} for n in range(2)])
    (file,) = (out / "images").iterdir()
    whole = file.read_bytes()
    file.write_bytes(whole[:200])
    with pytest.raises(DataError, match="cannot be read"):
        ImageReader(out)
    manifest = (out / FILE).read_text()
    file.write_bytes(whole)
    (out / FILE).write_text(manifest.replace('"rows": 2', '"rows": 3'))
    with pytest.raises(DataError, match="has 2 rows, its manifest says 3"):
        ImageReader(out)


def test_a_picture_that_is_damaged_is_named(tmp_path, make_images, monkeypatch):
    reader = ImageReader(make_images(tmp_path, [{"picture": noise(0)}]))
    monkeypatch.setattr(cv2, "imdecode", lambda *_: None)
    with pytest.raises(DataError, match=r"000000\.png.*posebeam check"):
        reader.images([0])
