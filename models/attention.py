"""Attention: the maps of every attention in a network, while somebody looks."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

from torch import Tensor, nn

from posebeam.models.networks.act import Attention
from posebeam.models.networks.hybrid import FrameAttention
from posebeam.models.networks.mhsa import MHSA

ATTENDING = (nn.MultiheadAttention, MHSA, Attention, FrameAttention)


@contextmanager
def attention_maps(network: nn.Module) -> Iterator[dict[str, Tensor]]:
    """Within it, forward puts the maps [B, heads, queries, keys] under the path of their module.

    A row of a map sums to 1: how much each key gives to the query. Outside it no map is computed: attention runs
    fused (scaled_dot_product_attention).
    """
    found: dict[str, Tensor] = {}
    with ExitStack() as hooks:
        for path, module in network.named_modules():
            if isinstance(module, ATTENDING):
                hooks.enter_context(module.register_forward_pre_hook(_ask, with_kwargs=True))
                hooks.enter_context(module.register_forward_hook(partial(_take, found, path)))
        yield found


def _ask(_: nn.Module, args: Any, kwargs: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """The call as it was, but with a map for each head."""
    return args, {**kwargs, "need_weights": True, "average_attn_weights": False}


def _take(found: dict[str, Tensor], path: str, _: nn.Module, __: Any, output: Any) -> None:
    found[path] = output[1].detach()
