"""Two processes have one centre, and one number of boxes."""

from multiprocessing import get_context

import pytest
import torch
from torch import distributed

from posebeam.models.losses.box_set import box_terms
from posebeam.models.losses.dino import DinoLoss
from posebeam.models.losses.processes import mean_over_processes


def test_alone_a_value_is_its_own_mean():
    value = torch.rand(3)
    assert mean_over_processes(value) is value


def judge(rank, where, answers):
    """One of two processes: its teacher says 1 or 3 everywhere, and its image has 1 or 3 boxes, all 0.5 off."""
    torch.set_num_threads(1)
    distributed.init_process_group("gloo", init_method=where, rank=rank, world_size=2)
    amount = 1 + 2 * rank
    dino = DinoLoss(4)
    dino(torch.zeros(2, 4), torch.full((2, 4), float(amount)), 0.04)
    boxes, some = torch.full((amount, 4), 0.25), torch.arange(amount)
    matches = [(some, some)]
    terms = box_terms(
        torch.zeros(1, 5, 3), torch.full((1, 5, 4), 0.75), [torch.zeros_like(some)], [boxes], matches
    )
    answers.put((rank, dino.center.tolist()[0], terms["loss_bbox"].item()))
    distributed.destroy_process_group()


def test_two_processes_share_centre_and_count(tmp_path):
    context = get_context("fork")  # torch is loaded already: a second, not ten
    answers = context.SimpleQueue()
    children = [
        context.Process(target=judge, args=(rank, f"file://{tmp_path}/meet", answers), daemon=True)
        for rank in range(2)
    ]
    for child in children:
        child.start()
    for child in children:
        child.join(60)
    assert [child.exitcode for child in children] == [0, 0]
    found = {rank: rest for rank, *rest in (answers.get(), answers.get())}
    for rank, (centre, loss) in found.items():
        assert centre == pytest.approx([0.2] * 4)  # a tenth of the mean of 1 and 3
        assert loss == pytest.approx((1 + 2 * rank) * 4 * 0.5 / 2)  # over the mean of 1 and 3 boxes
