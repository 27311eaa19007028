"""Attended: the attention of a network that is worth looking at, by short names."""

import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from torch import nn

from posebeam.models.networks.mhsa import MHSA
from posebeam.transforms.errors import ConfigError

# What a layer's number stands for: an encoder's self-attention between cells (TransPose, BTranspose), or a
# decoder's attention from queries to cells (PRTR, DETR), by the path of the module.
_LAYERS = (
    re.compile(r"(?:model_alpha\.)?global_encoder\.layers\.(\d+)\.self_attn"),
    re.compile(r"transformer\.decoder\.layers\.(\d+)\.multihead_attn"),
)
BLOCK = "mhsa"
LAST = "last"


def attended(network: nn.Module) -> Mapping[str, str]:
    """Module paths by name, in the order of computation: mhsa, the last attention block where there is one, then
    0, 1, ... of the encoder's or decoder's layers. Empty where a network has none of them.
    """
    found: dict[str, str] = {}
    blocks = [path for path, module in network.named_modules() if isinstance(module, MHSA)]
    if blocks:
        found[BLOCK] = blocks[-1]
    for path, module in network.named_modules():
        if isinstance(module, nn.MultiheadAttention):
            for pattern in _LAYERS:
                if match := pattern.fullmatch(path):
                    found[match[1]] = path
    return MappingProxyType(found)


def chosen(network: nn.Module, names: Sequence[str]) -> Mapping[str, str]:
    """Those of the names, `last` being the highest number; all where none is named.

    One choice serves several networks: mhsa is passed over where there is no such block. ConfigError where a
    number is not there, or nothing is left; empty where the network has no attention at all.
    """
    known = attended(network)
    if not names or not known:
        return known
    wanted = {list(known)[-1] if name == LAST else name for name in names}
    strangers = wanted - known.keys()
    if strangers - {BLOCK} or strangers == wanted:
        missing = ", ".join(sorted(strangers))
        raise ConfigError(f"no layer {missing} in {type(network).__name__}; it has {', '.join(known)}, {LAST}")
    return MappingProxyType({name: known[name] for name in known if name in wanted})
