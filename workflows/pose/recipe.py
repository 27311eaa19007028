"""PoseRecipe: everything that decides how a pose network is trained."""

from dataclasses import dataclass, field, replace

from posebeam.transforms.errors import ConfigError
from posebeam.transforms.picture_augment import PictureAugmentation
from posebeam.transforms.pose_augment import PoseAugmentation

SCHEDULES, OPTIMISERS = ("steps", "cosine"), ("adam", "adamw")
OBJECTIVES = ("maps", "maps-sinkhorn", "maps-sinkhorn-unused", "joints", "people")
EVERYTHING = ("",)  # of PoseRecipe.drawn


@dataclass(frozen=True)
class PoseRecipe:
    """Everything that decides a training but the data, the network and its size, and the seed.

    networks       the family that it trains, as the table's column `network` says
    objective      one of OBJECTIVES: what is lowered, see workflows/pose/objectives.py
    optimiser      adam, or adamw with `decay`
    rate           and backbone_rate, of tensors below `backbone.`; 0: the same
    schedule       steps: the rate is multiplied by `factor` at each of the epochs `steps`; cosine: down to
                   `end_rate` over all epochs, a step an epoch. Other epochs than these stretch it.
    batch          people (or pictures) a batch and device; devices: on how many it was published
    clip_norm      gradients' norm at most; 0: as it is
    drawn          the parts, by how their names begin, whose convolutions start as normal numbers of
                   deviation 0.001 where no starting weights are given for them; the rest as its network makes it
    augmentation   of single people, or of whole pictures where the network sees these

    What of a network is never trained is the network's own affair: ResNet's stem and first stage in PRTR.
    """

    name: str
    about: str
    networks: tuple[str, ...]
    objective: str
    optimiser: str = "adam"
    rate: float = 1e-3
    backbone_rate: float = 0.0
    decay: float = 0.0
    schedule: str = "steps"
    steps: tuple[int, ...] = ()
    factor: float = 0.1
    end_rate: float = 0.0
    epochs: int = 210
    batch: int = 32
    devices: int = 1
    clip_norm: float = 0.0
    drawn: tuple[str, ...] = ()
    augmentation: PoseAugmentation | PictureAugmentation = field(default_factory=PoseAugmentation)

    def __post_init__(self) -> None:
        known = {"objective": OBJECTIVES, "optimiser": OPTIMISERS, "schedule": SCHEDULES}
        for name, values in known.items():
            if getattr(self, name) not in values:
                raise ConfigError(f"{name}: got {getattr(self, name)!r}, expected one of {', '.join(values)}")
        if self.batch < 1 or self.epochs < 1:
            raise ConfigError(f"got {self.epochs} epochs of batches of {self.batch}, expected 1 or more")
        if list(self.steps) != sorted(self.steps) or min(self.steps, default=1) < 1:
            raise ConfigError(f"steps: got {self.steps}, expected rising epochs from 1 on")

    def lasting(self, epochs: int) -> "PoseRecipe":
        """The same with another number of epochs, its steps moved in proportion; 0: as it is."""
        if not epochs:
            return self
        return replace(self, epochs=epochs, steps=tuple(max(1, s * epochs // self.epochs) for s in self.steps))
