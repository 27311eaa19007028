"""Augmentation keeps windows what they are: poses in motion of one body."""

from pathlib import Path

import numpy as np
import pytest

from posebeam.transforms.augment import Augmentation, bend, hide, hurry, mirror, mirror_published, noise
from posebeam.transforms.chain import CHAINS, chain
from posebeam.transforms.errors import ConfigError
from posebeam.transforms.layout import layout
from posebeam.transforms.skeleton import skeleton

PARITY = Path(__file__).parents[1] / "models/golden/act.npz"
COCO = layout("act13-coco")


def pixels(B=6, seed=0):
    """xy [B, 30, 17, 2] of wandering bodies and a mask [B, 30, 17]."""
    rng = np.random.default_rng(seed)
    xy = rng.uniform(20, 300, (B, 1, 17, 2)) + rng.normal(0, 3, (B, 30, 17, 2)).cumsum(1)
    return xy, rng.random((B, 30, 17)) < 0.9


def windows(name="act-repaired", **more):
    x, valid = chain(name).apply(*pixels(**more))
    return x.astype(np.float32), valid


def velocities_fit(x, name):
    """Whether velocities are those of the positions."""
    joints = x.reshape(*x.shape[:2], 13, 4)
    want, _ = CHAINS[name].motion(joints[..., :2], np.ones(joints.shape[:-1], bool))
    return np.allclose(joints, want, atol=1e-5)


def test_the_published_mirror_is_the_published_one():
    from zlib import crc32

    rng = np.random.Generator(np.random.PCG64(crc32(b"0/augment/window")))
    window = rng.standard_normal((30, 52))
    with np.load(PARITY) as golden:
        np.testing.assert_allclose(
            mirror_published(window[None])[0], golden["augment/flipped"], rtol=1e-6, atol=1e-7
        )


@pytest.mark.parametrize("name", CHAINS)
def test_a_mirrored_window_is_the_window_of_the_mirrored_video(name):
    xy, valid = pixels()
    valid[:] = True  # under `act` a missing joint is a corner of the frame, which does not mirror
    sides = list(skeleton("coco17").mirror)
    mirrored = (xy * [-1, 1] + [320, 0])[:, :, sides]
    want, seen = chain(name).apply(mirrored, valid[:, :, sides])
    x, mask = chain(name).apply(xy, valid)
    got, got_seen = mirror(x.astype(np.float32), mask, COCO)
    np.testing.assert_allclose(got, want, atol=1e-5)
    np.testing.assert_array_equal(got_seen, seen)


def test_mirroring_twice_is_nothing():
    x, valid = windows()
    again, mask = mirror(*mirror(x, valid, COCO), COCO)
    np.testing.assert_array_equal(again, x)
    np.testing.assert_array_equal(mask, valid)
    np.testing.assert_array_equal(mirror_published(mirror_published(x)), x)


def test_bending_bends_positions_and_velocities_alike():
    x, _ = windows()
    bent = bend(x, 0.3, 0.2, np.random.default_rng(0))
    assert velocities_fit(bent, "act-repaired")
    assert not np.allclose(bent, x, atol=0.01)
    np.testing.assert_allclose(bend(x, 0.0, 0.0, np.random.default_rng(0)), x, atol=1e-6)


def test_turning_keeps_lengths():
    x, _ = windows()
    turned = bend(x, 3.0, 0.0, np.random.default_rng(0))
    lengths = [np.linalg.norm(each.reshape(6, 30, 26, 2), axis=-1) for each in (x, turned)]
    np.testing.assert_allclose(*lengths, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", CHAINS)
def test_a_slower_window_has_velocities_of_its_own(name):
    x, valid = windows(name)
    slow, seen = hurry(x, valid, 0.5, chain(name), np.random.default_rng(0))
    assert velocities_fit(slow, name)
    assert slow.dtype == np.float32
    speed = [np.abs(each.reshape(6, 30, 13, 4)[:, 1:, :, 2:]).mean() for each in (x, slow)]
    assert speed[1] < 0.9 * speed[0]
    assert seen.shape == valid.shape


def test_a_share_of_one_is_the_whole_window():
    x, valid = windows()
    same, seen = hurry(x, valid, 1.0, chain("act-repaired"), np.random.default_rng(0))
    np.testing.assert_allclose(same, x, atol=1e-5)
    np.testing.assert_array_equal(seen, valid)


def test_hidden_joints_are_gone_from_the_whole_window():
    x, valid = windows(B=200)
    shown, seen = hide(x, valid, 0.25, np.random.default_rng(0))
    gone = ~shown.reshape(200, 30, 13, 4).any((1, 3))
    assert 0.2 < gone.mean() < 0.3
    assert not seen[:, :, :][np.broadcast_to(gone[:, None], seen.shape)].any()
    kept = ~np.broadcast_to(gone[:, None, :, None], (200, 30, 13, 4))
    np.testing.assert_array_equal(shown.reshape(kept.shape)[kept], x.reshape(kept.shape)[kept])


def test_noise_has_its_size():
    x, _ = windows(B=50)
    assert (noise(x, 0.03, np.random.default_rng(0)) - x).std() == pytest.approx(0.03, rel=0.02)


def test_the_generator_decides():
    everything = Augmentation(slowest=0.5, turn=0.2, stretch=0.2, hide=0.1)
    x, valid = windows()
    arguments = (x, valid, chain("act-repaired"), COCO)
    one, same, other = (everything(*arguments, np.random.default_rng(seed))[0] for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one, other)
    assert one.dtype == np.float32


def test_half_of_the_windows_are_mirrored():
    x, valid = windows(B=400)
    flipped, seen = Augmentation(noise=0.0)(x, valid, chain("act-repaired"), COCO, np.random.default_rng(0))
    images, images_seen = mirror(x, valid, COCO)
    mirrored = (flipped == images).all((1, 2))
    assert 0.4 < mirrored.mean() < 0.6
    np.testing.assert_array_equal(flipped[~mirrored], x[~mirrored])
    np.testing.assert_array_equal(seen, np.where(mirrored[:, None, None], images_seen, valid))


def test_no_windows_are_no_fault():
    x, valid = windows()
    everything = Augmentation(slowest=0.5, turn=0.2, stretch=0.2, hide=0.1)
    none, seen = everything(x[:0], valid[:0], chain("act-repaired"), COCO, np.random.default_rng(0))
    assert (none.shape, seen.shape) == ((0, 30, 52), (0, 30, 13))


def test_nothing_is_asked_for_and_nothing_happens():
    x, valid = windows()
    plain = Augmentation(flip="none", noise=0.0)
    same, seen = plain(x, valid, chain("act-repaired"), COCO, np.random.default_rng(0))
    assert same is x
    assert seen is valid


def test_it_checks_itself():
    with pytest.raises(ConfigError, match="flip: got 'mirror'"):
        Augmentation(flip="mirror")
    with pytest.raises(ConfigError, match="0 < slowest <= 1"):
        Augmentation(slowest=0)
