"""DINO's recipes: named ways to pre-train a trunk without labels."""

from dataclasses import dataclass, field

from posebeam.models.pooled_trunk import POOLS
from posebeam.models.schedules import Ramp
from posebeam.transforms.errors import ConfigError

_LEAST = 8  # pixels a side of a crop: a blur reaches over 6 of them


@dataclass(frozen=True)
class Cuts:
    """What is cut out of a picture: two global crops, of the network's input, and `local` smaller ones.

    global_scale, local_scale  least and largest share of the picture's area
    local_size                 sides of a local crop as a share of a global one's; 3/8 of 256 x 192 is 96 x 72
    """

    local: int = 0
    global_scale: tuple[float, float] = (0.14, 1.0)
    local_scale: tuple[float, float] = (0.05, 0.4)
    local_size: float = 0.375

    def __post_init__(self) -> None:
        for name in ("global_scale", "local_scale"):
            least, most = getattr(self, name)
            if not 0 < least <= most <= 1:
                raise ConfigError(f"{name}: got {least} to {most}, expected shares of the area, rising")
        if self.local < 0 or not 0 < self.local_size <= 1:
            raise ConfigError(f"{self.local} local crops of {self.local_size}: expected 0 or more, a share")

    def sizes(self, size: tuple[int, int]) -> list[tuple[int, int]]:
        """Height and width of every crop, the global ones first; size: of the network's input."""
        small = round(size[0] * self.local_size), round(size[1] * self.local_size)
        sizes = [size, size, *[small] * self.local]
        if min(sizes[-1]) < _LEAST:
            raise ConfigError(f"crops of {sizes[-1]} pixels, expected {_LEAST} a side or more: a larger input")
        return sizes


@dataclass(frozen=True)
class DinoRecipe:
    """Everything that decides a pre-training but the data, the network and its input, and the seed.

    pool               what the head sees of a crop (models/pooled_trunk.py)
    outputs, layers, hidden, bottleneck  of the head
    rate               for batches of 256 pictures, in proportion to `batch`; up in a straight line over `warmup`
                       epochs (half of all where there are fewer than twice as many), down a cosine to 1e-6
    momentum           how much of itself the teacher keeps of an update to the next; up a cosine to 1
    temperature        the teacher's, by epoch
    frozen             epochs in which the head's last layer stays as it is
    longest            a tensor's gradient at most
    batch              pictures an update, of all devices together
    """

    name: str
    about: str
    cuts: Cuts = field(default_factory=Cuts)
    pool: str = "mean"
    outputs: int = 32_768
    layers: int = 2
    hidden: int = 1024
    bottleneck: int = 256
    rate: float = 0.0005
    warmup: int = 10
    momentum: float = 0.996
    temperature: Ramp = field(default_factory=lambda: Ramp(0.04, 0.04, 0))
    frozen: int = 1
    longest: float = 3.0
    batch: int = 192
    epochs: int = 201

    def __post_init__(self) -> None:
        if self.pool not in POOLS or (self.cuts.local and self.pool != "mean"):
            raise ConfigError(f"pool {self.pool!r} with {self.cuts.local} local crops: expected mean")
        if min(self.outputs, self.batch, self.epochs) < 1 or min(self.warmup, self.frozen) < 0:
            raise ConfigError(
                f"{self.outputs} outputs, batches of {self.batch}, {self.epochs} epochs, {self.warmup} to "
                f"warm up, {self.frozen} frozen: expected 1 or more of the first three, 0 or more of the others"
            )
        if not 0 <= self.momentum <= 1 or self.rate <= 0 or self.longest <= 0:
            raise ConfigError(
                f"momentum {self.momentum}, rate {self.rate}, gradients up to {self.longest}: expected 0 to 1, "
                "and more than 0"
            )


# Sources: github.com/kaushikb258/BTranspose (dino/facebook-dino.sh and main_dino.py; 12 pictures on each of 16
# devices; arXiv 2204.10209 says 300 epochs), github.com/facebookresearch/dino (main_dino.py's own values; 64
# pictures on each of 8 devices).
RECIPES: dict[str, DinoRecipe] = {
    recipe.name: recipe
    for recipe in (
        DinoRecipe("default", "As BTranspose was pre-trained, but the head sees the mean of the cells."),
        DinoRecipe(
            "committed",
            "As BTranspose's code has it: the head sees all cells side by side, 200 million parameters of it.",
            pool="flattened",
        ),
        DinoRecipe(
            "multi-crop",
            "As DINO was published: 2 global and 8 local crops, 65,536 outputs.",
            cuts=Cuts(local=8, global_scale=(0.4, 1.0)),
            outputs=65_536,
            layers=3,
            hidden=2048,
            batch=512,
            epochs=100,
        ),
    )
}


def dino_recipe(name: str) -> DinoRecipe:
    """The recipe of that name; ConfigError with the known names otherwise."""
    if name not in RECIPES:
        raise ConfigError(f"no recipe {name!r}; known: {', '.join(RECIPES)}")
    return RECIPES[name]
