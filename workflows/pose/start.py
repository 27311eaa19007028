"""PoseStart: the weights that a pose network's training begins with."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from posebeam.models.assembly import named
from posebeam.models.checkpoint import read
from posebeam.models.row import Row
from posebeam.models.weights import sha256_of
from posebeam.transforms.errors import WeightsError
from posebeam.workflows.pose.recipe import PoseRecipe
from posebeam.workflows.run_folder import WEIGHTS

DEVIATION = 0.001  # of convolutions that are drawn, as published
# How names begin in training programs' checkpoints, and where networks here have what was trained: ImageNet's
# ResNet and HRNet bare, in PRTR and DETR below backbone.0.body; DINO's trunk below backbone, here model_alpha.
_OFF = ("", "backbone.", "network.")
_ON = ("", "backbone.0.body.", "model_alpha.")
_COUNTERS = "num_batches_tracked"


@dataclass(frozen=True)
class PoseStart:
    """What a network began with. taken: tensors from the file; made: names of those that are made weights; unused:
    names of the file's that found no place of their shape. sha256 of the file; all empty where there is none.
    """

    source: str = ""
    sha256: str = ""
    taken: int = 0
    made: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()

    def sentence(self) -> str:
        """What was loaded and what was not, in a line."""
        if not self.source:
            return "starts from made weights: publications start from ImageNet's or DINO's (--init)"
        made, unused = (_few(names) for names in (self.made, self.unused))
        return f"starts from {self.source}: {self.taken} tensors; made weights: {made}; left in the file: {unused}"


def fresh_network(row: Row, recipe: PoseRecipe, seed: int) -> nn.Module:
    """The row's network with made weights, the same for a seed."""
    torch.manual_seed(seed)
    network: nn.Module = named(row.network)(**row.arguments)
    for name, part in network.named_modules():
        if isinstance(part, (nn.Conv2d, nn.ConvTranspose2d)) and name.startswith(recipe.drawn):
            nn.init.normal_(part.weight, std=DEVIATION)
            if part.bias is not None:
                nn.init.zeros_(part.bias)
    return network


def load_start(network: nn.Module, init: str) -> PoseStart:
    """Put into the network what fits of a run folder (train-pose, pretrain) or a file; "": nothing.

    A tensor fits by name and shape; names are tried as they are, and as the publications' own programs map them.
    WeightsError if there is no such file, or nothing of it fits.
    """
    if not init:
        return PoseStart()
    path = Path(init) / WEIGHTS if Path(init).is_dir() else Path(init)
    held, places = read(path), network.state_dict()
    best = max(_mappings(held), key=lambda mapping: len(_fitting(held, places, mapping)))
    fitting = _fitting(held, places, best)
    if not fitting:
        raise WeightsError(
            f"{path}: none of its {len(held)} tensors has the name and shape of one of the network's; it begins "
            f"with {_few(tuple(held))}, the network with {_few(tuple(places))}"
        )
    network.load_state_dict(fitting, strict=False)
    taken = {name for name, place in best.items() if place in fitting}
    return PoseStart(
        str(path),
        sha256_of(path),
        len(fitting),
        tuple(name for name in places if name not in fitting and not name.endswith(_COUNTERS)),
        tuple(name for name in held if name not in taken),
    )


def _mappings(held: Mapping[str, Tensor]) -> Iterator[dict[str, str]]:
    """Ways in which a file's names may become the network's, the plainest first."""
    for off in _OFF:
        for on in _ON:
            yield {name: on + name.removeprefix(off) for name in held if name.startswith(off)}


def _fitting(
    held: Mapping[str, Tensor], places: Mapping[str, Tensor], mapping: Mapping[str, str]
) -> dict[str, Tensor]:
    """What of a file has a place of its shape, by the place's name."""
    found = {place: held[name] for name, place in mapping.items() if place in places}
    return {place: each for place, each in found.items() if each.shape == places[place].shape}


def _few(names: tuple[str, ...]) -> str:
    """How many, and the first of them."""
    return f"{len(names)} ({', '.join(names[:3])}{', ...' if len(names) > 3 else ''})" if names else "none"
