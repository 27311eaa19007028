"""Schedules: what a number is at each update of a training."""

import math
from dataclasses import dataclass

from posebeam.transforms.errors import ConfigError


@dataclass(frozen=True)
class Cosine:
    """From base to end over `steps` updates along half a cosine, after a linear rise from 0 over `warmup` of them.

    The rise has both its ends, so base comes twice; the end is never quite reached.
    Source: cosine_scheduler of github.com/facebookresearch/dino (Caron et al., arXiv 2104.14294).
    """

    base: float
    end: float
    steps: int
    warmup: int = 0

    def __post_init__(self) -> None:
        if self.steps < 1 or not 0 <= self.warmup <= self.steps:
            raise ConfigError(
                f"{self.warmup} of {self.steps} steps to warm up: expected no more than all, 1 or more"
            )

    def __call__(self, done: int) -> float:
        """The value for the update that comes after `done` others; past the last, the end."""
        if done < self.warmup:
            return self.base * done / max(1, self.warmup - 1)
        if done >= self.steps:
            return self.end
        turn = math.pi * (done - self.warmup) / (self.steps - self.warmup)
        return self.end + (self.base - self.end) / 2 * (1 + math.cos(turn))


@dataclass(frozen=True)
class Ramp:
    """From start to end in a straight line over the first `epochs` epochs, both ends included; then the end."""

    start: float = 0.04  # the default: the temperature of DINO's teacher
    end: float = 0.07
    epochs: int = 30

    def __post_init__(self) -> None:
        if self.epochs < 0:
            raise ConfigError(f"{self.epochs} epochs: expected 0 or more")

    def __call__(self, epoch: int) -> float:
        """The value in an epoch, counted from 0."""
        if epoch >= self.epochs:
            return self.end
        return self.start + (self.end - self.start) * epoch / max(1, self.epochs - 1)


def dino_rate(batch: int, steps: int, warmup: int, base: float = 0.0005, end: float = 1e-6) -> Cosine:
    """DINO's learning rate: base for 256 crops' pictures, in proportion to the batch of all devices together."""
    return Cosine(base * batch / 256, end, steps, warmup)


def dino_decay(steps: int) -> Cosine:
    """DINO's weight decay."""
    return Cosine(0.04, 0.4, steps)


def dino_momentum(steps: int, base: float = 0.996) -> Cosine:
    """How much of itself DINO's teacher keeps."""
    return Cosine(base, 1.0, steps)
