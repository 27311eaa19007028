"""Schedules against DINO's."""

from pathlib import Path

import numpy as np
import pytest

from posebeam.models.schedules import Cosine, Ramp, dino_decay, dino_momentum, dino_rate
from posebeam.transforms.errors import ConfigError

SHORT = {"lr": dino_rate(128, 140, 21), "weight_decay": dino_decay(140), "momentum": dino_momentum(140)}
LONG = {"lr": dino_rate(256, 125100, 12510), "weight_decay": dino_decay(125100), "momentum": dino_momentum(125100)}


@pytest.fixture(scope="module")
def golden():
    with np.load(Path(__file__).parent / "golden" / "dino.npz") as file:
        return dict(file)


@pytest.mark.parametrize("name", SHORT)
def test_every_value_equals_the_published_one(golden, name):
    want = golden[f"schedule_short/{name}"]
    assert [SHORT[name](done) for done in range(len(want))] == pytest.approx(want, rel=1e-9, abs=1e-15)
    want = golden[f"schedule_default/{name}"]
    at = golden["schedule_default/iteration"].tolist()
    assert [LONG[name](done) for done in at] == pytest.approx(want, rel=1e-9, abs=1e-15)


def test_the_top_comes_twice_and_the_end_after_the_last():
    rate = Cosine(1.0, 0.1, steps=10, warmup=4)
    assert [rate(done) for done in (0, 3, 4)] == pytest.approx([0, 1, 1])
    assert rate(9) > 0.1
    assert rate(10) == rate(99) == 0.1


def test_schedules_without_a_ramp():
    assert Cosine(1.0, 0.0, steps=5)(0) == 1
    assert Ramp(0.04, 0.07, epochs=0)(0) == 0.07
    assert Cosine(1.0, 0.0, steps=3, warmup=3)(2) == 1


@pytest.mark.parametrize("make", [lambda: Cosine(1, 0, 0), lambda: Cosine(1, 0, 5, 6), lambda: Ramp(epochs=-1)])
def test_lengths_without_sense_are_named(make):
    with pytest.raises(ConfigError, match="expected"):
        make()
