"""Crops: how many, how large, what is done to which, and by which chance."""

from dataclasses import replace

import pytest
import torch

from posebeam.transforms.errors import ConfigError
from posebeam.workflows.dino.crops import BLUR_CHANCE, Crops, seeded
from posebeam.workflows.dino.recipes import RECIPES, Cuts, dino_recipe

INPUT = (64, 48)


@pytest.fixture(scope="module")
def picture() -> torch.Tensor:
    """uint8 [3, 90, 120], reddening downwards, greening to the right, noisy in blue."""
    rows, columns = torch.arange(90)[:, None].expand(90, 120), torch.arange(120)[None].expand(90, 120)
    noise = torch.randint(0, 256, (90, 120), generator=torch.Generator().manual_seed(1))
    return torch.stack((2 * rows, 2 * columns, noise)).to(torch.uint8)


def test_default_recipes_cut_what_was_published():
    assert RECIPES["default"].cuts == Cuts(local=0, global_scale=(0.14, 1.0))
    assert RECIPES["default"].cuts.sizes((256, 192)) == [(256, 192)] * 2
    several = RECIPES["multi-crop"].cuts
    assert (several.global_scale, several.local_scale) == ((0.4, 1.0), (0.05, 0.4))
    assert several.sizes((256, 192)) == [(256, 192)] * 2 + [(96, 72)] * 8


def test_the_same_head_and_numbers_as_published():
    default, committed, several = (RECIPES[name] for name in ("default", "committed", "multi-crop"))
    assert (default.outputs, default.layers, default.hidden, default.bottleneck) == (32_768, 2, 1024, 256)
    assert (default.batch, default.epochs, default.temperature(0), default.frozen) == (192, 201, 0.04, 1)
    assert replace(committed, name="default", about=default.about, pool="mean") == default
    assert (several.outputs, several.layers, several.hidden) == (65_536, 3, 2048)


@pytest.mark.parametrize("local", [0, 3])
def test_every_crop_has_its_size(picture, local):
    cut = seeded(Crops(Cuts(local=local), INPUT), picture, 7)
    assert [tuple(crop.shape) for crop in cut] == [(3, 64, 48)] * 2 + [(3, 24, 18)] * local
    assert all(crop.dtype == torch.uint8 for crop in cut)


def test_a_seed_gives_its_crops_whatever_came_before_and_leaves_chance_alone(picture):
    crops = Crops(Cuts(local=1), INPUT)
    before = torch.get_rng_state()
    first = seeded(crops, picture, 7)
    assert torch.equal(before, torch.get_rng_state())
    torch.rand(5)
    assert all(map(torch.equal, first, seeded(crops, picture, 7)))
    assert not any(map(torch.equal, first, seeded(crops, picture, 8)))
    assert not torch.equal(*first[:2])


def drawn(picture, cuts, place, count=120):
    """Many crops of one place."""
    torch.manual_seed(0)
    alone = Crops(cuts, INPUT)._each[place]
    return [alone(picture) for _ in range(count)]


def share(found):
    return sum(found) / len(found)


def test_the_second_global_crop_alone_is_solarised():
    """A white picture without anything else stays white, or turns black."""
    white = torch.full((3, 90, 120), 255, dtype=torch.uint8)
    dark = [share([int(crop.max()) < 128 for crop in drawn(white, Cuts(local=1), place)]) for place in range(3)]
    assert dark[0] == dark[2] == 0
    assert 0.1 < dark[1] < 0.3


def test_each_place_is_blurred_as_often_as_published(picture):
    """Noise in blue survives where nothing was blurred; greyed and solarised ones are left out of the count."""
    noise = picture[2:].expand(3, -1, -1)

    def rough(crop):
        grey = crop.float().mean(0)
        return float((grey[1:] - grey[:-1]).abs().mean() / (grey.std() + 1))

    measured = [torch.tensor([rough(c) for c in drawn(noise, Cuts(local=1), p)]) for p in range(3)]
    smooth = [float((values < 0.6).float().mean()) for values in measured]
    assert smooth[0] > smooth[2] > smooth[1]
    assert BLUR_CHANCE == (1.0, 0.1, 0.5)


def test_a_fifth_is_grey_and_half_is_flipped(picture):
    cut = drawn(picture, Cuts(), 0)
    grey = [bool((crop[0] == crop[1]).all() and (crop[1] == crop[2]).all()) for crop in cut]
    assert 0.1 < share(grey) < 0.3
    green = [crop[1].float() for crop, colourless in zip(cut, grey, strict=True) if not colourless]
    falls = [float(plane[:, -8:].mean()) < float(plane[:, :8].mean()) for plane in green]
    assert 0.35 < share(falls) < 0.65


def test_what_cannot_be_cut_is_refused():
    with pytest.raises(ConfigError, match="8 a side or more"):
        Crops(Cuts(local=1), (16, 16))
    with pytest.raises(ConfigError, match="rising"):
        Cuts(global_scale=(0.5, 0.2))
    with pytest.raises(ConfigError, match="expected mean"):
        replace(RECIPES["committed"], cuts=Cuts(local=2))
    with pytest.raises(ConfigError, match="known: default, committed, multi-crop"):
        dino_recipe("dino")
