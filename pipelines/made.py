"""Made: what a data set says of how its windows were made."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from posebeam.transforms.errors import DataError
from posebeam.transforms.layout import layout

_ADVICE = "make windows that fit with posebeam windows, or train on these"


def _layout_advice(wanted: str) -> str:
    """Why windows of another layout are of no use, and where those of this one come from."""
    sources = " or ".join(layout(wanted).sources)
    return (
        "other joints in another order around another centre, so the model would see noise. "
        f"{wanted} is made of poses with the joints of {sources}: where there are such, posebeam windows --layout "
        f"{wanted} makes windows that fit; else train a model on these"
    )


@dataclass(frozen=True)
class Made:
    """How windows were made. A model fits windows whose `input` is that of the windows it was trained on."""

    chain: str
    chain_version: int
    layout: str
    window: int
    backbone: str
    weights_sha256: str

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> "Made":
        """Out of the configuration in a manifest or a run, which may say more."""
        return cls(**{name: config[name] for name in cls.__dataclass_fields__})

    def as_dict(self) -> dict[str, Any]:
        """As it stands in a run's record."""
        return asdict(self)

    @property
    def source(self) -> str:
        """Who looked at the frames, as evaluations are called."""
        return self.backbone

    @property
    def shape(self) -> tuple[int, int]:
        """Of a window's features."""
        return self.window, 52

    @property
    def seen_shape(self) -> tuple[int, int]:
        """Of what says which joints of a window were seen."""
        return self.window, 13

    @property
    def input(self) -> dict[str, str | int]:
        """What decides the meaning of the numbers. Not the backbone: backbones can be switched."""
        return {name: getattr(self, name) for name in ("layout", "chain", "chain_version", "window")}

    def refuse(self, other: "Made", mine: str, others: str) -> None:
        """DataError if the other's windows mean something else; the words say whose are whose."""
        for name, value in self.input.items():
            if value != other.input[name]:
                told = _layout_advice(self.layout) if name == "layout" else _ADVICE
                raise DataError(
                    f"{mine} expects {name} {value!r}, {others} has {name} {other.input[name]!r}: {told}"
                )
