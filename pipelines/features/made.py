"""FeaturesMade: what a data set says of how its features were made."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from posebeam.models.clip_features import LENGTH
from posebeam.models.extractors import extractor
from posebeam.transforms.errors import DataError


@dataclass(frozen=True)
class FeaturesMade:
    """Who made features, of which weights. A model fits features of those only: others are other numbers."""

    features: str
    features_sha256: str

    @classmethod
    def of(cls, config: Mapping[str, Any], whose: str = "it") -> "FeaturesMade":
        """Out of the configuration in a manifest or a run, which may say more; DataError if it says nothing."""
        if not config.get("features"):
            raise DataError(f"{whose} holds no features: posebeam build with --features NAME makes them")
        return cls(config["features"], config["features_sha256"])

    @property
    def source(self) -> str:
        """Who made them, as evaluations are called."""
        return self.features

    @property
    def shape(self) -> tuple[int, int]:
        """Of a clip: frames and features a frame."""
        return LENGTH, extractor(self.features).width

    @property
    def seen_shape(self) -> tuple[int]:
        """Of what says which frames of a clip are real."""
        return (LENGTH,)

    def refuse(self, other: "FeaturesMade", mine: str, others: str) -> None:
        """DataError if the other's features mean something else; the words say whose are whose."""
        for name in ("features", "features_sha256"):
            want, got = getattr(self, name), getattr(other, name)
            if want != got:
                raise DataError(
                    f"{mine} expects {name} {want!r}, {others} has {got!r}: build it with the features that the "
                    "model was trained on, or train on these"
                )
