"""What a frame's people say of themselves."""

from dataclasses import replace

import numpy as np

from posebeam.transforms.people import People


def test_how_sure_a_person_is_without_the_backbone_saying_it_is_the_mean_of_the_joints_seen():
    score = np.zeros((3, 17), np.float32)
    score[0, :4], score[1, 5] = (0.9, 0.5, 0.1, 0.4), 0.25
    people = People("coco17", np.zeros((3, 17, 2), np.float32), score, np.zeros((3, 4), np.float32))
    np.testing.assert_allclose(people.sureness(0.2), [0.6, 0.25, 0], rtol=1e-6)
    said = replace(people, sure=np.array([0.1, 0.2, 0.3], np.float32))
    assert np.array_equal(said.sureness(0.2), said.sure.astype(np.float64))
