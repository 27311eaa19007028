"""HybridRecipes: named ways to train the hybrid classifier."""

from dataclasses import dataclass

from posebeam.models.networks.hybrid import MASKS
from posebeam.transforms.errors import ConfigError

DIVISIONS = ("groups", "last-rows")


@dataclass(frozen=True)
class HybridRecipe:
    """Adam with one rate; everything that decides a training but the data and the seed.

    mask      how frames that are padding are kept out: one of models/networks/hybrid.py's
    division  what validates: groups, or the last rows by clip id, as published: clips of one group then stand on
              both sides, and the last classes may not be trained at all
    monitor, patience, clip_norm  as in workflows/action/act_recipes.py
    """

    name: str
    about: str
    mask: str = "clip"
    division: str = "groups"
    rate: float = 1e-3
    batch: int = 32
    epochs: int = 5
    monitor: str = "val_loss"
    patience: int = 0
    clip_norm: float = 0.0

    def __post_init__(self) -> None:
        for name, known in (("mask", MASKS), ("division", DIVISIONS)):
            if getattr(self, name) not in known:
                raise ConfigError(f"{name}: got {getattr(self, name)!r}, expected one of {', '.join(known)}")
        if self.batch < 1 or self.epochs < 1:
            raise ConfigError(f"got {self.epochs} epochs of batches of {self.batch}, expected 1 or more")


HYBRID_RECIPES = {
    recipe.name: recipe
    for recipe in (
        HybridRecipe("hybrid", "The published optimiser and epochs; padding kept out, validation by groups."),
        HybridRecipe(
            "hybrid-published",
            "As published: padding takes part in the maximum, the last 15 % of the rows validate.",
            mask="published",
            division="last-rows",
        ),
    )
}
