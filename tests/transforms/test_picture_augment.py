"""Augmentation of whole pictures: what is drawn stays within what was published, and windows within pictures."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from posebeam.transforms.errors import ConfigError
from posebeam.transforms.picture_augment import WHOLE_PICTURE, PictureAugmentation, PictureChange


def test_chances_are_the_published_ones():
    rng, augmentation = np.random.default_rng(0), PictureAugmentation()
    drawn = [augmentation.draw(rng) for _ in range(4000)]
    assert np.mean([each.mirror for each in drawn]) == pytest.approx(0.5, abs=0.03)
    assert np.mean([each.before > 0 for each in drawn]) == pytest.approx(0.5, abs=0.03)
    assert {each.before for each in drawn} == {0, 400, 500, 600}
    assert {each.shortest for each in drawn} == set(range(480, 801, 32))


@given(st.integers(1, 900), st.integers(1, 900), st.integers(0, 999), st.sampled_from([0.2, 1.0]))
def test_a_window_lies_in_the_picture_and_is_of_a_published_size_where_that_fits(height, width, seed, zoom):
    change = PictureAugmentation(crop=1.0).draw(np.random.default_rng(seed))
    x, y, w, h = change.region((height, width), zoom)
    assert 0 <= x <= x + w <= width
    assert 0 <= y <= y + h <= height
    for side, whole in ((w, width), (h, height)):
        assert min(whole, round(384 * zoom)) <= side <= round(600 * zoom)


def test_the_ends_of_chance_are_the_ends_of_the_window():
    last = np.nextafter(1, 0)
    assert PictureChange(before=600).region((600, 800)) == (0, 0, 384, 384)
    assert PictureChange(before=600, chance=(last,) * 4).region((600, 800)) == (200, 0, 600, 600)


def test_nothing_happens_to_a_whole_picture():
    rng = np.random.default_rng(0)
    changes = [WHOLE_PICTURE.draw(rng) for _ in range(50)]
    assert {(each.mirror, each.before, each.shortest) for each in changes} == {(False, 0, 800)}


@pytest.mark.parametrize("wrong", [{"flip": 2.0}, {"shortest": ()}, {"window": (600, 384)}, {"before": (0,)}])
def test_what_cannot_be_is_refused(wrong):
    with pytest.raises(ConfigError, match="expected"):
        PictureAugmentation(**wrong)
