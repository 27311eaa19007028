"""Collapse: whether student and teacher agree on saying nothing, which is one way to agree."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from posebeam.models.losses.dino import entropy, spread

# Shares of what there could be. Trainings that go well are far on the other side of both.
UNIFORM = 0.99  # of the entropy of saying nothing
CONSTANT = 0.01  # of the divergence of a batch in which every crop gets an answer of its own


@dataclass(frozen=True)
class Sight:
    """What shows a collapse, means over an epoch: the loss, and entropy and spread of the teacher's answers, nats.

    outputs: of the head; crops: that the teacher saw in a batch of one device.
    """

    loss: float
    entropy: float
    spread: float
    outputs: int
    crops: int

    @property
    def kind(self) -> str:
        """not finite, uniform, constant, or "" where there is no collapse."""
        if not all(math.isfinite(value) for value in (self.loss, self.entropy, self.spread)):
            return "not finite"
        if self.entropy >= UNIFORM * math.log(self.outputs):
            return "uniform"
        if self.crops > 1 and self.spread <= CONSTANT * math.log(min(self.outputs, self.crops)):
            return "constant"
        return ""

    @property
    def warning(self) -> str:
        """A line for people, or "" if there is no collapse."""
        most = math.log(self.outputs)
        said = {
            "": "",
            "not finite": "the outputs are not finite",
            "uniform": f"the teacher says next to nothing of any crop, entropy {self.entropy:.4g} of {most:.4g}",
            "constant": f"the teacher says the same of all crops, {self.spread:.2g} nats from their mean",
        }[self.kind]
        return said and (
            f"collapsed: {said} (loss {self.loss:.4g}, ln(outputs) {most:.4g}); a lower rate, larger batches or "
            "more pictures may help"
        )


@torch.no_grad()
def teacher_figures(answers: Tensor) -> dict[str, Tensor]:
    """Of a teacher's answers, probabilities [N, outputs]: their mean entropy, and their spread, both scalars."""
    return {"teacher_entropy": entropy(answers), "teacher_spread": spread(answers)}
