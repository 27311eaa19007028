"""What losses take: targets where the read-out finds the joints again, in both families' counts."""

import numpy as np
import pytest
import torch
from torch import nn

from posebeam.models.assembly import decoder_of
from posebeam.models.losses.joint_set import joint_set_loss
from posebeam.models.losses.sinkhorn import joint_sinkhorn
from posebeam.models.registry import row
from posebeam.models.targets import between_cells, on_cells
from posebeam.transforms.framing import FRAMINGS, Pieces, inverse, through
from posebeam.workflows.pose.data import PictureBatch, PoseBatch
from posebeam.workflows.pose.objectives import SINKHORN_WEIGHT, make_objective, to_cells
from posebeam.workflows.pose.row import trained_row

SIZE, GRID = (128, 96), (32, 24)
MAPS = {"simple-baseline-r50": on_cells, "transpose-r-a4": between_cells}


class Says(nn.Module):
    """A network that says what it is told to, and what it was asked."""

    def __init__(self, said):
        super().__init__()
        self.said = said

    def forward(self, *asked):
        self.asked = asked
        return self.said


@pytest.fixture
def batch():
    """Four persons, some of their joints not visible; all far enough inside for DARK's blur."""
    rng = np.random.default_rng(0)
    joints = torch.from_numpy(rng.uniform(30, (66, 98), (4, 17, 2)).astype(np.float32))
    visible = torch.from_numpy((rng.random((4, 17)) < 0.8).astype(np.float32))
    return PoseBatch(
        torch.zeros(4, 3, *SIZE), joints, visible, torch.arange(4), torch.arange(4), torch.zeros(4, 2, 3)
    )


def small(name):
    return trained_row(row(name), SIZE, {})


@pytest.mark.parametrize("name", ["edges", "middles"])
def test_cells_are_where_the_framing_has_them(name):
    framing = FRAMINGS[name]
    piece = Pieces(np.array([[200.0, 150.0]]), np.array([[180.0, 240.0]]))
    joints = np.random.default_rng(1).uniform(0, 90, (1, 17, 2))
    source = through(joints, framing.to_source(piece, SIZE))
    cells = through(source, inverse(framing.to_source(piece, GRID)))
    got = to_cells(torch.from_numpy(joints), SIZE, GRID, framing.less)
    np.testing.assert_allclose(got.numpy(), cells, atol=1e-3)
    if name == "edges":
        np.testing.assert_allclose(got.numpy(), joints / 4, atol=1e-9)


@pytest.mark.parametrize("name", MAPS)
def test_who_says_the_targets_loses_nothing_and_is_read_where_the_joints_are(name, batch):
    facts = small(name)
    framing = FRAMINGS[facts.framing]
    cells = to_cells(batch.joints, SIZE, GRID, framing.less)
    maps, _ = MAPS[name](cells, torch.ones(4, 17), GRID)
    terms = make_objective("maps", facts)(Says(maps), batch)
    hidden = 1 - batch.visible
    assert float(terms.total) == 0
    assert float(make_objective("maps", facts)(Says(maps + hidden[..., None, None]), batch).total) == 0
    assert float(make_objective("maps", facts)(Says(maps + 0.1), batch).total) == pytest.approx(
        0.005 * float(batch.visible.mean()), rel=1e-4
    )
    read = decoder_of(facts)(maps)[..., :2]
    away = (read - cells).norm(dim=-1)
    assert float(away.max()) < (0.02 if name == "transpose-r-a4" else 0.75)


def test_the_sinkhorn_loss_adds_its_part_and_gradient(batch):
    facts, maps = small("btranspose-c2a1-4"), torch.rand(4, 17, *GRID).requires_grad_()
    cells = to_cells(batch.joints, SIZE, GRID, 1)
    targets, weight = between_cells(cells, batch.visible, GRID)
    plain, both, unused = (
        make_objective(name, facts)(Says(maps), batch)
        for name in ("maps", "maps-sinkhorn", "maps-sinkhorn-unused")
    )
    extra = SINKHORN_WEIGHT * float(joint_sinkhorn(maps.detach(), targets, weight))
    assert extra > 0
    assert both.total.item() == pytest.approx(plain.total.item() + extra)
    assert float(both.parts["loss_sinkhorn"]) == pytest.approx(extra)
    assert unused.total.item() == plain.total.item()
    gradients = [torch.autograd.grad(terms.total, maps)[0] for terms in (plain, both, unused)]
    assert torch.equal(gradients[0], gradients[2])
    assert not torch.allclose(gradients[0], gradients[1])


def test_prtr_is_asked_for_parts_of_the_input(batch):
    facts = small("prtr-r50-384")
    parts = batch.joints / torch.tensor([96.0, 128.0])
    said = {"pred_logits": torch.randn(4, 20, 18), "pred_coords": torch.rand(4, 20, 2)}
    said["pred_coords"][:, :17] = parts
    said["pred_logits"][:, :17] = 30 * torch.eye(18)[:17]
    said["pred_logits"][:, 17:] = 30 * torch.eye(18)[17]
    terms = make_objective("joints", facts)(Says(said), batch)
    assert float(terms.total) == pytest.approx(0, abs=1e-5)
    assert float(terms.total) == float(joint_set_loss(said, parts, batch.visible).total)
    read = decoder_of(facts)(said["pred_logits"], said["pred_coords"])[..., :2]
    torch.testing.assert_close(read, parts)


def test_the_sequential_model_is_told_of_the_padding():
    batch = PictureBatch(
        torch.zeros(1, 3, 64, 64), torch.zeros(1, 64, 64, dtype=torch.bool), [torch.rand(2, 4)],
        [torch.rand(2, 17, 2)], [torch.ones(2, 17)], torch.zeros(1),
    )  # fmt: skip
    network = Says(
        {
            "pred_logits": torch.randn(1, 5, 2),
            "pred_boxes": torch.rand(1, 5, 4),
            "pred_kpt_logits": torch.randn(1, 5, 20, 18),
            "pred_kpt_coord": torch.rand(1, 5, 20, 2),
        }
    )
    terms = make_objective("people", row("prtr-sequential-r50"))(network, batch)
    assert network.asked == (batch.image, batch.padding)
    assert {"loss_ce", "loss_bbox", "loss_giou", "joints_loss_ce", "joints_loss_kpts"} <= terms.parts.keys()
    assert float(terms.total) > 0
