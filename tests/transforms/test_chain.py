"""The published chain to the last bit, and what the repaired one promises."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posebeam.transforms.chain import CHAINS, chain
from posebeam.transforms.errors import ConfigError
from posebeam.transforms.layout import LAYOUTS, layout
from posebeam.transforms.skeleton import skeleton

GOLDEN = Path(__file__).parent / "golden" / "chain.npz"
CASES = [("openpose19", "act13-coco"), ("body25", "act13-body25")]


def scene(seed, n=2, T=30, K=17):
    """xy [n, T, K, 2] of a wandering body in pixels, valid [n, T, K] with some joints unseen."""
    rng = np.random.default_rng(seed)
    xy = rng.uniform(20, 300, (n, 1, K, 2)) + rng.normal(0, 3, (n, T, K, 2)).cumsum(1)
    return xy, rng.random((n, T, K)) < rng.choice([0.2, 0.7, 0.95])


def joints_of(x):
    """Features [..., 52] as [..., 13, 4]."""
    return x.reshape(*x.shape[:-1], 13, 4)


@pytest.mark.parametrize(("source", "name"), CASES)
@pytest.mark.parametrize("masked", [False, True])
def test_act_equals_the_published_chain_to_the_last_bit(source, name, masked):
    golden = np.load(GOLDEN)
    xy, want = golden[source], golden[name.replace("-", "_")]
    valid = (xy != 0).any(-1) if masked else np.ones(xy.shape[:-1], bool)
    x, seen = chain("act").apply(xy, valid, source, name)
    assert x.dtype == np.float64
    assert np.abs(x - want).max() == 0.0
    assert seen.all() == (not masked)


def test_act_equals_the_whole_published_file(foreign_data):
    golden = np.load(foreign_data / "act" / "official_chain_golden.npz")
    for source, key, name, want in (
        ("openpose19", "openpose19_raw", "act13-coco", "act52_posenet_chain"),
        ("coco17", "coco17", "act13-coco", "act52_posenet_chain"),
        ("body25", "body25_synthetic", "act13-body25", "act52_openpose_chain"),
    ):
        xy = golden[key][..., :2]
        x, _ = chain("act").apply(xy, np.ones(xy.shape[:-1], bool), source, name)
        assert np.abs(x - golden[want]).max() == 0.0


@pytest.mark.parametrize("name", CHAINS)
def test_leading_axes_make_no_difference(name):
    xy, valid = scene(0, n=6)
    together, seen = chain(name).apply(xy, valid)
    deeper, _ = chain(name).apply(xy.reshape(2, 3, 30, 17, 2), valid.reshape(2, 3, 30, 17))
    np.testing.assert_array_equal(deeper.reshape(6, 30, 52), together)
    for one in range(6):
        alone, seen_alone = chain(name).apply(xy[one], valid[one])
        np.testing.assert_array_equal(alone, together[one])
        np.testing.assert_array_equal(seen_alone, seen[one])


@pytest.mark.parametrize("name", ["act", "act-repaired"])
def test_the_unit_is_the_torso(name):
    xy, valid = scene(1)
    valid[:] = True
    joints = joints_of(chain(name).apply(xy, valid)[0])
    order = skeleton("act13-coco")
    shoulders = joints[..., order.indices(["left_shoulder", "right_shoulder"]), :2].mean(-2)
    hips = joints[..., order.indices(["left_hip", "right_hip"]), :2].mean(-2)
    np.testing.assert_allclose(shoulders, 0, atol=1e-12)
    np.testing.assert_allclose(np.linalg.norm(hips, axis=-1), 1, atol=1e-12)


@pytest.mark.parametrize("name", CHAINS)
def test_velocities_are_differences_of_positions(name):
    joints = joints_of(chain(name).apply(*scene(2))[0])
    np.testing.assert_array_equal(joints[:, 1:, :, 2:], np.diff(joints[..., :2], axis=1))
    first = joints[:, 0, :, :2] if name == "act" else np.zeros((2, 13, 2))
    np.testing.assert_array_equal(joints[:, 0, :, 2:], first)


@pytest.mark.parametrize("name", CHAINS)
@given(seed=st.integers(0, 10_000))
@settings(max_examples=25, deadline=None)
def test_values_under_the_mask_change_nothing(name, seed):
    xy, valid = scene(seed)
    other = np.where(valid[..., None], xy, np.random.default_rng(seed + 1).uniform(-1e4, 1e4, xy.shape))
    np.testing.assert_array_equal(chain(name).apply(xy, valid)[0], chain(name).apply(other, valid)[0])
    other[~valid] = np.nan
    np.testing.assert_array_equal(chain(name).apply(xy, valid)[0], chain(name).apply(other, valid)[0])


@given(seed=st.integers(0, 10_000), factor=st.floats(0.5, 20), dx=st.floats(-500, 500))
@settings(max_examples=25, deadline=None)
def test_repaired_does_not_see_where_or_how_large_the_body_stands(seed, factor, dx):
    xy, valid = scene(seed)
    xy[..., skeleton("coco17").indices(["left_hip", "right_hip"]), 1] += 400  # below 1 pixel, a torso is none
    here, there = (chain("act-repaired").apply(points, valid)[0] for points in (xy, xy * factor + dx))
    np.testing.assert_allclose(here, there, atol=1e-6 * max(1.0, np.abs(here).max()))


@given(st.integers(0, 9), st.floats(1.5, 4), st.floats(-50, 500))
def test_window_does_not_see_where_or_how_large_the_body_stands(seed, factor, dx):
    xy, valid = scene(seed)
    xy[..., skeleton("coco17").indices(["left_hip", "right_hip"]), 1] += 400  # below 1 pixel, a torso is none
    here, there = (chain("act-window").apply(points, valid)[0] for points in (xy, xy * factor + dx))
    np.testing.assert_allclose(here, there, atol=1e-9)


def test_window_sees_the_way_through_the_picture_where_a_frame_for_itself_does_not():
    pose = scene(3)[0][:1, :1]
    xy = pose + 5.0 * np.arange(30)[:, None, None]  # a stiff body that slides
    valid = np.ones(xy.shape[:-1], bool)
    still, sliding = (joints_of(chain(name).apply(xy, valid)[0]) for name in ("act-repaired", "act-window"))
    assert np.abs(still[..., 2:]).max() < 1e-9
    steps = sliding[0, 1:, :, 2:]
    np.testing.assert_allclose(steps, steps[0, 0, 0], atol=1e-9)
    assert steps.min() > 0


def test_repaired_interpolates_a_gap_and_says_that_it_did():
    xy, valid = scene(3, n=1)
    valid[:] = True
    xy[0, :, 9] = np.linspace([10, 200], [155, 55], 30)  # a wrist on a straight line
    whole, _ = chain("act-repaired").apply(xy, valid)
    valid[0, 7:20, 9] = False
    filled, seen = chain("act-repaired").apply(xy, valid)
    np.testing.assert_allclose(filled, whole, atol=1e-9)
    wrist = skeleton("act13-coco").index("left_wrist")
    np.testing.assert_array_equal(np.flatnonzero(~seen[0, :, wrist]), np.arange(7, 20))


def test_repaired_puts_what_was_never_seen_at_the_centre_at_rest():
    xy, valid = scene(4)
    valid[:] = True
    valid[:, :, skeleton("coco17").indices(["left_ankle"])] = False
    joints = joints_of(chain("act-repaired").apply(xy, valid)[0])
    ankle = skeleton("act13-coco").index("left_ankle")
    assert not joints[:, :, ankle].any()


def test_nobody_at_all_is_zero():
    xy, valid = scene(5)
    valid[:] = False
    for name in CHAINS:
        x, seen = chain(name).apply(xy, valid)
        assert not x.any()
        assert not seen.any()


def test_a_joint_of_several_parts_is_seen_if_any_part_is():
    valid = np.zeros((1, 17), bool)
    valid[0, skeleton("coco17").indices(["left_ear", "right_hip"])] = True
    seen = layout("act13-coco").seen(valid)[0]
    assert np.array(skeleton("act13-coco").joints)[seen].tolist() == ["head", "right_hip"]


@pytest.mark.parametrize("name", CHAINS)
def test_a_still_has_a_pose(name):
    xy, valid = scene(6)
    poses, seen = chain(name).norm13(xy[:, :1], valid[:, :1])
    assert poses.shape == (2, 1, 13, 2)
    np.testing.assert_array_equal(seen, layout("act13-coco").seen(valid[:, :1]))
    if name == "act":  # frame by frame: the rest of the clip makes no difference
        np.testing.assert_array_equal(poses, joints_of(chain(name).apply(xy, valid)[0])[:, :1, :, :2])


def test_sources_follow_from_joint_names():
    assert {"coco17", "openpose19", "body25"} <= set(layout("act13-coco").sources)
    assert layout("act13-body25").sources == ("body25",)
    for each in LAYOUTS.values():
        for source in each.sources:
            joints = np.array(skeleton(source).joints)[each.indices(source)]
            assert tuple(joints) == each.base.joints


def test_a_layout_that_cannot_be_made_is_refused():
    with pytest.raises(ConfigError, match="act13-body25 cannot be made of 'coco17'; it can of body25"):
        chain("act").apply(*scene(0), "coco17", "act13-body25")
    with pytest.raises(ConfigError, match="no chain 'actt'; known: act, act-repaired, act-window"):
        chain("actt")
    with pytest.raises(ValueError, match=r"got xy \[30, 17, 3\]"):
        chain("act").apply(np.zeros((30, 17, 3)), np.ones((30, 17), bool))
