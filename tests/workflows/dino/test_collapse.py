"""A collapse is told from learning, whichever way it goes."""

import math

import pytest
import torch

from posebeam.workflows.dino.collapse import Sight, teacher_figures

OUT, CROPS = 64, 32


def sight(answers: torch.Tensor, loss: float = 3.0) -> Sight:
    figures = {name: float(value) for name, value in teacher_figures(answers).items()}
    return Sight(loss, figures["teacher_entropy"], figures["teacher_spread"], OUT, CROPS)


def test_answers_that_are_sure_and_differ_are_none():
    healthy = sight((8 * torch.randn(CROPS, OUT, generator=torch.Generator().manual_seed(0))).softmax(-1))
    assert (healthy.kind, healthy.warning) == ("", "")


@pytest.mark.parametrize(
    ("logits", "kind", "says"),
    [
        (torch.zeros(CROPS, OUT), "uniform", "next to nothing of any crop, entropy 4.159 of 4.159"),
        (50 * torch.eye(OUT)[:1].expand(CROPS, OUT), "constant", "the same of all crops"),
        (torch.randn(1, OUT, generator=torch.Generator().manual_seed(0)).expand(CROPS, OUT), "constant", "same"),
    ],
)
def test_each_kind_has_a_line(logits, kind, says):
    found = sight(logits.softmax(-1), loss=math.log(OUT))
    assert found.kind == kind
    assert says in found.warning
    assert "collapsed: " in found.warning
    assert "loss 4.159, ln(outputs) 4.159" in found.warning


def test_no_number_is_no_learning():
    assert Sight(math.nan, 1.0, 1.0, OUT, CROPS).kind == "not finite"
