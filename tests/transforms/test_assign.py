"""The assignment: OKS, IoU, and the best pairs."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from posebeam.transforms.assign import assign, iou, oks, sigmas
from posebeam.transforms.skeleton import skeleton

RNG = np.random.default_rng(0)
K2 = 2 * sigmas(skeleton("coco17"))
ALL = np.ones((1, 17), bool)


def test_oks_of_equals_is_one_and_falls_with_the_distance_in_sizes():
    a, area = RNG.uniform(0, 100, (1, 17, 2)), np.full((1, 1), 1e4)
    near, far = oks(a, ALL, a + 3, ALL, area, K2)[0, 0], oks(a, ALL, a + 9, ALL, area, K2)[0, 0]
    assert oks(a, ALL, a, ALL, area, K2)[0, 0] == 1
    assert 1 > near > far > 0
    assert oks(2 * a, ALL, 2 * (a + 9), ALL, 4 * area, K2)[0, 0] == pytest.approx(far)


def test_oks_counts_joints_that_both_show():
    a, area = RNG.uniform(0, 100, (1, 17, 2)), np.full((1, 1), 1e4)
    b, seen = a.copy(), ALL.copy()
    b[:, 3:], seen[:, 3:] = 1e6, False
    assert oks(a, ALL, b, seen, area, K2)[0, 0] == 1
    assert oks(a, ALL, b, ~ALL, area, K2)[0, 0] == 0


def test_oks_agrees_with_pycocotools():
    """COCO's own evaluation of one person: the area is the annotation's."""
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    truth, found = RNG.uniform(20, 120, (17, 2)), None
    found = truth + RNG.normal(0, 4, truth.shape)
    annotation = {
        "id": 1, "image_id": 1, "category_id": 1, "iscrowd": 0, "area": 6000.0, "num_keypoints": 17,
        "bbox": [10, 10, 120, 120], "keypoints": np.column_stack((truth, np.full(17, 2))).ravel().tolist(),
    }  # fmt: skip
    gold = COCO()
    gold.dataset = {"images": [{"id": 1}], "categories": [{"id": 1}], "annotations": [annotation], "info": {}}
    gold.createIndex()
    keypoints = np.column_stack((found, np.ones(17))).ravel().tolist()
    results = gold.loadRes([{"image_id": 1, "category_id": 1, "keypoints": keypoints, "score": 1.0}])
    evaluation = COCOeval(gold, results, "keypoints")
    evaluation._prepare()
    ours = oks(found[None], ALL, truth[None], ALL, np.array([[6000.0]]), K2)
    assert ours[0, 0] == pytest.approx(evaluation.computeOks(1, 1)[0, 0], rel=1e-6)


def test_iou_of_known_boxes():
    a = np.array([[0.0, 0, 2, 2]])
    b = np.array([[0.0, 0, 2, 2], [1, 0, 3, 2], [5, 5, 6, 6], [1, 1, 1, 1]])
    assert iou(a, b)[0] == pytest.approx([1, 1 / 3, 0, 0])


@given(st.integers(1, 4), st.integers(1, 4), st.integers(0, 99))
def test_no_other_pairs_are_better(A, B, seed):
    similarity = np.random.default_rng(seed).uniform(0, 1, (A, B))
    wide = similarity if A <= B else similarity.T
    counted = np.where(wide >= 0.3, wide, 0)
    best = max(sum(counted[a, b] for a, b in enumerate(p)) for p in permutations(range(wide.shape[1]), len(wide)))
    pairs = assign(similarity, 0.3)
    assert sum(similarity[pair] for pair in pairs) == pytest.approx(best)
    assert all(similarity[pair] >= 0.3 for pair in pairs)
    assert len({a for a, _ in pairs}) == len({b for _, b in pairs}) == len(pairs)


def test_a_hopeless_pair_displaces_nobody():
    """Without the bound first, 0.29 + 0.28 would win over 0.5 alone and both would then fall."""
    assert assign(np.array([[0.5, 0.28], [0.29, 0.0]]), 0.3) == [(0, 0)]
