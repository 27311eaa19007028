"""The sequential model's loss: of our own design, so its properties; its parts equal published ones."""

import pytest
import torch

from posebeam.models.losses.box_set import box_set_loss
from posebeam.models.losses.sequential import sequential_loss
from posebeam.models.networks.prtr_sequential import SequentialPRTR

PERSONS, QUERIES, JOINTS = 4, 6, 3


@pytest.fixture
def truth():
    """Two images with two persons and none: boxes, joints, visible."""
    boxes = [torch.tensor([[0.3, 0.4, 0.2, 0.5], [0.7, 0.5, 0.3, 0.6]]), torch.zeros(0, 4)]
    place = torch.rand(2, JOINTS, 2, generator=torch.Generator().manual_seed(1)) - 0.5
    joints = [boxes[0][:, None, :2] + place * boxes[0][:, None, 2:], torch.zeros(0, JOINTS, 2)]
    return boxes, joints, [torch.ones(2, JOINTS), torch.zeros(0, JOINTS)]


def perfect(truth, order=(2, 0)):
    """Outputs that say the truth, the persons of the first image by the queries of that order."""
    boxes, joints, _ = truth
    logits, said = torch.tensor([20.0, -20]).repeat(2, PERSONS, 1), torch.full((2, PERSONS, 4), 0.5)
    of_joints = torch.full((2, PERSONS, QUERIES, JOINTS + 1), -20.0)
    of_joints[..., 0] = 20
    coords = torch.full((2, PERSONS, QUERIES, 2), 0.5)
    for person, query in enumerate(order):
        logits[0, query] = torch.tensor([-20.0, 20])
        said[0, query] = boxes[0][person]
        for joint in range(JOINTS):
            of_joints[0, query, joint + 1] = torch.eye(JOINTS + 1)[joint + 1] * 40 - 20
            coords[0, query, joint + 1] = joints[0][person, joint]
    made = {"pred_logits": logits, "pred_boxes": said, "pred_kpt_logits": of_joints, "pred_kpt_coord": coords}
    return {name: value.requires_grad_() for name, value in made.items()}


def test_the_truth_costs_nothing_whichever_queries_say_it(truth):
    for order in ((2, 0), (1, 3)):
        assert sequential_loss(perfect(truth, order), *truth).total.item() == pytest.approx(0, abs=1e-5)


def test_persons_terms_are_detrs(truth):
    outputs, (boxes, _, _) = perfect(truth), truth
    labels = [torch.ones(len(each), dtype=torch.int64) for each in boxes]
    want = box_set_loss(outputs, labels, boxes, background=0)
    parts = sequential_loss(outputs, *truth).parts
    assert {name: parts[name] for name in want.parts} == want.parts


def test_only_matched_persons_are_asked_for_joints(truth):
    outputs = perfect(truth)
    with torch.no_grad():
        outputs["pred_kpt_coord"] += 0.03
    sequential_loss(outputs, *truth).total.backward()
    asked = outputs["pred_kpt_logits"].grad.abs().sum((2, 3)) > 0
    assert asked.tolist() == [[True, False, True, False], [False] * 4]
    moved = outputs["pred_kpt_coord"].grad.abs().sum((2, 3)) > 0
    assert moved.tolist() == asked.tolist()


def test_a_small_person_weighs_as_much_as_a_large_one(truth):
    costs = []
    for size in (0.1, 0.4):
        box, joint = torch.tensor([[0.5, 0.5, size, size]]), torch.full((1, JOINTS, 2), 0.5)
        one = ([box, torch.zeros(0, 4)], [joint, torch.zeros(0, JOINTS, 2)], [torch.ones(1, JOINTS), truth[2][1]])
        outputs = perfect(one, (0,))
        with torch.no_grad():
            outputs["pred_kpt_coord"] += 0.1 * size
        costs.append(sequential_loss(outputs, *one).parts["joints_loss_kpts"].item())
    assert costs[0] == pytest.approx(costs[1], rel=1e-5)
    assert costs[0] == pytest.approx(JOINTS * 0.1 / 1.25, rel=1e-5)


def test_a_person_without_seen_joints_is_a_box_only(truth):
    boxes, joints, visible = truth
    visible = [torch.tensor([[1.0, 0, 1], [0, 0, 0]]), visible[1]]
    outputs = perfect(truth, (2, 0))
    sequential_loss(outputs, boxes, joints, visible).total.backward()
    assert (outputs["pred_kpt_logits"].grad[0].abs().sum((1, 2)) > 0).tolist() == [False, False, True, False]


def test_images_without_anybody_train_the_background(truth):
    outputs = perfect(truth)
    empty = [[each[1], each[1]] for each in truth]
    terms = sequential_loss(outputs, *empty)
    terms.total.backward()
    assert terms.parts["joints_loss_ce"] == terms.parts["loss_bbox"] == 0
    assert terms.total > 1


def test_the_network_learns_from_it(truth):
    torch.manual_seed(0)
    network = SequentialPRTR(
        levels=(5,),
        x_res=3,
        y_res=3,
        persons=PERSONS,
        joint_queries=QUERIES,
        joints=JOINTS,
        layers=1,
        feedforward=32,
    )
    sequential_loss(network(torch.randn(2, 3, 64, 64)), *truth).total.backward()
    idle = {name for name, p in network.named_parameters() if p.requires_grad and p.grad is None}
    assert not idle
    assert all(p.grad.isfinite().all() for p in network.parameters() if p.grad is not None)
