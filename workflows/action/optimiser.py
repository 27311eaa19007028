"""Optimisers of AcT: the published one, and the rates of both schedules."""

from collections.abc import Callable, Iterable
from functools import partial
from math import cos, pi
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

from posebeam.workflows.action.act_recipes import Recipe

_BETA1, _BETA2, _EPSILON = 0.9, 0.999, 1e-7


class PublishedAdamW(Optimizer):
    """AdamW as in tensorflow-addons: p loses decay x p, whatever the rate, biases and norms too; then Adam.

    torch's AdamW decays by rate x decay, and its epsilon sits elsewhere. Source: tfa.optimizers.AdamW 0.23.
    """

    def __init__(self, parameters: Iterable[Tensor], rate: float, decay: float):
        super().__init__(parameters, {"lr": rate, "decay": decay})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """One update of every parameter that has a gradient."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    self._update(parameter, group["lr"], group["decay"])
        return loss

    def _update(self, parameter: Tensor, rate: float, decay: float) -> None:
        state = self.state[parameter]
        if not state:
            state["t"], state["m"], state["v"] = 0, torch.zeros_like(parameter), torch.zeros_like(parameter)
        state["t"] += 1
        gradient: Tensor = parameter.grad  # type: ignore[assignment]
        parameter.mul_(1 - decay)
        state["m"].lerp_(gradient, 1 - _BETA1)
        state["v"].lerp_(gradient.square(), 1 - _BETA2)
        t = state["t"]
        scale = rate * (1 - _BETA2**t) ** 0.5 / (1 - _BETA1**t)
        parameter.addcdiv_(state["m"], state["v"].sqrt().add_(_EPSILON), value=-scale)


def published_rate(done: int, *, width: int, steps: int) -> float:
    """Rate after `done` updates of nominally `steps`: up for 30 %, down with the root, 1e-4 after 80 %.

    The first update has rate 0. width is the model's. Source: github.com/PIC4SeR/AcT, trainer.
    """
    warmup, end = 0.3 * steps, 0.8 * steps
    if done > end:
        return 1e-4
    return 0.0 if done == 0 else float(width**-0.5 * min(done**-0.5, done * warmup**-1.5))


def cosine_rate(done: int, *, peak: float, warmup: float, steps: int) -> float:
    """Rate after `done` of `steps` updates: linear up to peak over a share of them, then half a cosine to 0."""
    rising = max(1.0, warmup * steps)
    if done < rising:
        return peak * (done + 1) / (rising + 1)
    return peak * (1 + cos(pi * min(1.0, (done - rising) / max(1.0, steps - rising)))) / 2


def make_optimiser(
    network: nn.Module, recipe: Recipe, *, width: int, steps: int, nominal_steps: int
) -> tuple[Optimizer, LambdaLR]:
    """The recipe's optimiser and its schedule, one step an update.

    steps is the number of updates; the published schedule counts nominal_steps, those that would be if the
    validation windows trained as well.
    """
    if recipe.schedule == "published":
        rate: Callable[[int], float] = partial(published_rate, width=width, steps=nominal_steps)
    else:
        rate = partial(cosine_rate, peak=recipe.rate, warmup=recipe.warmup, steps=steps)
    if recipe.optimiser == "published":
        return (optimiser := PublishedAdamW(network.parameters(), 1.0, recipe.decay)), LambdaLR(optimiser, rate)
    decayed = [p for p in network.parameters() if p.ndim > 1]
    spared = [p for p in network.parameters() if p.ndim < 2]  # biases and norms
    groups: list[dict[str, Any]] = [{"params": decayed}, {"params": spared, "weight_decay": 0.0}]
    adamw = torch.optim.AdamW(groups, lr=1.0, weight_decay=recipe.decay)
    return adamw, LambdaLR(adamw, rate)
