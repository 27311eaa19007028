"""DINO's loss: a student says of every crop what its teacher, centred and sharpened, says of the global ones.

Source: Caron et al., Emerging Properties in Self-Supervised Vision Transformers, arXiv 2104.14294 (equations 1
to 4); github.com/facebookresearch/dino (Apache-2.0).
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from posebeam.models.losses.processes import mean_over_processes
from posebeam.transforms.errors import ConfigError

GLOBALS = 2  # crops that the teacher sees
STUDENT_TEMPERATURE = 0.1
CENTRE_MOMENTUM = 0.9


class DinoLoss(nn.Module):
    """The loss, and the centre [1, out] that it moves after each call: a mean of what the teacher said."""

    center: Tensor  # the published name: checkpoints hold it

    def __init__(self, out: int):
        """out: how many outputs the heads have."""
        super().__init__()
        self.register_buffer("center", torch.zeros(1, out))

    def forward(self, student: Tensor, teacher: Tensor, temperature: float) -> Tensor:
        """student [crops x B, out] and teacher [2 x B, out], crop by crop, the global ones first, to a scalar.

        temperature: the teacher's. The mean over all pairs of a teacher's crop and another crop of the student.
        """
        batch, rest = divmod(len(teacher), GLOBALS)
        if rest or not batch or len(student) % batch or len(student) < len(teacher):
            raise ConfigError(
                f"{len(student)} outputs of the student, {len(teacher)} of the teacher: expected crops x B, 2 x B"
            )
        teacher = teacher.detach().float()
        heard = self.sharpened(teacher, temperature).chunk(GLOBALS)
        said = F.log_softmax(student.float() / STUDENT_TEMPERATURE, -1).split(batch)
        pairs = [
            -(target * crop).sum(-1).mean()
            for first, target in enumerate(heard)
            for second, crop in enumerate(said)
            if first != second
        ]
        self._move(teacher)
        return torch.stack(pairs).mean()

    def sharpened(self, teacher: Tensor, temperature: float) -> Tensor:
        """Raw outputs [N, out] to probabilities: without the centre, over the temperature."""
        return F.softmax((teacher - self.center) / temperature, -1)

    @torch.no_grad()
    def _move(self, teacher: Tensor) -> None:
        """The centre a tenth of the way to the mean over the batch, of all processes."""
        mean = mean_over_processes(teacher.mean(0, keepdim=True))
        self.center.mul_(CENTRE_MOMENTUM).add_(mean, alpha=1 - CENTRE_MOMENTUM)


def entropy(probabilities: Tensor) -> Tensor:
    """The mean entropy, a scalar in nats, of probabilities [N, out]."""
    return torch.special.entr(probabilities).sum(-1).mean()


def uniformity(loss: Tensor, out: int) -> Tensor:
    """The loss over ln(out): 1 where teacher and student say nothing, the collapse that sharpening prevents."""
    return loss.detach() / math.log(out)


def spread(probabilities: Tensor) -> Tensor:
    """How far the outputs [N, out] of a batch differ: their mean divergence from their mean, in nats.

    0 where all crops get the same answer, the collapse that centring prevents, whatever its entropy.
    """
    return torch.special.entr(probabilities.mean(0)).sum() - entropy(probabilities)
