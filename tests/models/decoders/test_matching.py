"""PRTR's read-out against the published ones."""

from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
import torch

from posebeam.models.decoders.flip import unflipped_joints
from posebeam.models.decoders.matching import matched, sequential, two_stage
from posebeam.transforms.framing import FRAMINGS, Pieces, through
from posebeam.transforms.skeleton import skeleton


@pytest.fixture(scope="module")
def golden():
    """Made by PRTR's code: 3 people with 30 queries each, and 2 of the sequential kind."""
    with np.load(Path(__file__).parents[1] / "golden" / "matching.npz") as file:
        return {name: torch.from_numpy(file[name]) for name in file.files}


@pytest.mark.parametrize("background", [False, True])
@pytest.mark.parametrize("flipped", [False, True])
def test_two_stage_equals_the_published_one(golden, background, flipped):
    joints = two_stage(golden["logits"], golden["coords"], background)
    if flipped:
        joints = unflipped_joints(joints, skeleton("coco17"))
    name = f"decode/{'with_background' if background else 'plain'}{'_flipped' if flipped else ''}"
    assert joints[..., 2:].numpy() == pytest.approx(golden[f"{name}_score"].numpy(), abs=1e-6)
    pieces = Pieces(golden["decode/centre"].double().numpy(), golden["decode/scale"].double().numpy() * 200)
    maps = FRAMINGS["edges"].to_source(pieces, (384, 288))
    xy = through(joints[..., :2].numpy() * (288, 384), maps)
    assert xy == pytest.approx(golden[f"{name}_image_xy"].numpy(), abs=1e-4)


def test_sequential_equals_the_published_one(golden):
    joints = sequential(golden["sequential/logits"], golden["sequential/coords"])
    assert torch.equal(joints[..., :2], golden["sequential/read_out"])
    assert ((joints[..., 2] > 0) & (joints[..., 2] < 1)).all()


def test_no_other_matching_is_better():
    scores = torch.rand(4, 5, 3, generator=torch.Generator().manual_seed(0))
    for table, queries in zip(scores, matched(scores), strict=True):
        best = max(sum(table[q, k] for k, q in enumerate(chosen)) for chosen in permutations(range(5), 3))
        assert sum(table[q, k] for k, q in enumerate(queries)) == pytest.approx(best)
        assert len(set(queries.tolist())) == 3


def test_each_joint_gets_its_query_wherever_it_stands():
    order = torch.randperm(9, generator=torch.Generator().manual_seed(0))
    logits = torch.full((1, 9, 5), -5.0)
    logits[0, order[:4], torch.arange(4)] = 5
    coords = torch.rand(1, 9, 2, generator=torch.Generator().manual_seed(1))
    assert torch.equal(two_stage(logits, coords)[0, :, :2], coords[0, order[:4]])


def test_nobody():
    assert two_stage(torch.zeros(0, 9, 5), torch.zeros(0, 9, 2)).shape == (0, 4, 3)
    assert sequential(torch.zeros(2, 0, 9, 5), torch.zeros(2, 0, 9, 2)).shape == (2, 0, 4, 3)
