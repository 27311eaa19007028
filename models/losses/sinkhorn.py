"""The Sinkhorn loss: how far the mass of one map has to be carried to become another, blurred by entropy.

Source: Cuturi, Sinkhorn Distances, arXiv 1306.0895 (algorithm 1); the bias taken off as in Feydy et al.,
arXiv 1810.08278 (equation 3). BTranspose (arXiv 2204.10209) names the loss; what its repository
(github.com/kaushikb258/BTranspose) computes under that name is in `sinkhorn_unused`.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from posebeam.models.losses.heatmaps import check_maps
from posebeam.transforms.errors import ConfigError

BLUR = 0.05  # epsilon, in squared parts of the map's side
ITERATIONS = 3
SHARPNESS = 0.05  # the temperature that makes a map of 0..1 a distribution


class Kernel(NamedTuple):
    """exp(-C / blur) of the squared distance C between cells, as one factor an axis: rows [h, h], columns [w, w].

    A cell lies at ((column + 0.5) / w, (row + 0.5) / h). C is a sum over both axes, so its kernel is a product:
    nothing of size hw x hw is ever made.
    """

    rows: Tensor
    columns: Tensor

    def __call__(self, mass: Tensor) -> Tensor:
        """K mass, [..., h, w]. K is symmetric."""
        return self.rows @ mass @ self.columns


def kernel(like: Tensor, blur: float = BLUR) -> Kernel:
    """The kernel for maps [..., h, w], in their dtype and on their device."""
    if blur <= 0:
        raise ConfigError(f"blur {blur}: expected more than 0")
    return Kernel(*(torch.exp(-_steps(like, axis) / blur) for axis in (-2, -1)))


def _steps(like: Tensor, axis: int) -> Tensor:
    """[n, n]: squared distances along an axis of n cells."""
    at = (torch.arange(like.shape[axis], dtype=like.dtype, device=like.device) + 0.5) / like.shape[axis]
    return (at[:, None] - at).square()


def scalings(a: Tensor, b: Tensor, kernel: Kernel, iterations: int = ITERATIONS) -> tuple[Tensor, Tensor]:
    """u and v [..., h, w] of the plan u K v between a and b [..., h, w], positive, each of sum 1.

    Rows of the plan sum to a exactly, columns to b the better the more iterations.
    """
    if iterations < 1:
        raise ConfigError(f"{iterations} iterations: expected 1 or more")
    u = torch.ones_like(a)
    for _ in range(iterations):
        v = b / kernel(u)
        u = a / kernel(v)
    return u, v


def transport_cost(a: Tensor, b: Tensor, blur: float = BLUR, iterations: int = ITERATIONS) -> Tensor:
    """Distributions a and b [..., h, w] to the cost [...] of their plan: squared distance times mass carried.

    Gradients flow through all iterations. Few iterations are no distance: the cost may lie below the true one.
    """
    k = kernel(a, blur)
    u, v = scalings(a, b, k, iterations)
    rows, columns = k.rows * _steps(a, -2), k.columns * _steps(a, -1)
    carried = rows @ v @ k.columns + k.rows @ v @ columns
    return (u * carried).sum((-2, -1))


def divergence(a: Tensor, b: Tensor, blur: float = BLUR, iterations: int = ITERATIONS) -> Tensor:
    """The cost [...] without its bias, which is what a and b each cost to themselves: 0 where a is b."""
    to_itself = transport_cost(a, a, blur, iterations) + transport_cost(b, b, blur, iterations)
    return transport_cost(a, b, blur, iterations) - to_itself / 2


def joint_sinkhorn(
    predicted: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    blur: float = BLUR,
    iterations: int = ITERATIONS,
) -> Tensor:
    """Maps [B, K, h, w] and their targets to the mean over joints of weight x divergence, a scalar.

    A map's distribution is the softmax of map / SHARPNESS over its cells, so a constant added to a map costs
    nothing: train with `joint_mse` beside it. weight [B, K] as for `joint_mse`, not squared.
    This use of the loss is posebeam's own: the publication shows none that runs.
    """
    check_maps(predicted, target, weight)
    with torch.autocast(predicted.device.type, enabled=False):  # exp(-C / blur) is beyond half precision
        costs = divergence(_distribution(predicted), _distribution(target), blur, iterations)  # [B, K]
    return (costs if weight is None else costs * weight).mean()


def _distribution(maps: Tensor) -> Tensor:
    """[B, K, h, w] of sum 1 over the cells."""
    whole = maps if maps.dtype == torch.float64 else maps.float()
    return (whole / SHARPNESS).flatten(2).softmax(-1).view_as(whole)
