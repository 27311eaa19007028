"""Row: the facts about one backbone, as backbones.toml states them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from posebeam.transforms.errors import ConfigError
from posebeam.transforms.skeleton import skeleton

COLOURS = ("rgb", "bgr")
VIEWS = ("whole-frame", "top-down")
BOXES = ("none", "detector", "ground truth")


@dataclass(frozen=True)
class Weights:
    """Published weights: a file of the package, or a url. source says who published them."""

    sha256: str
    licence: str
    source: str
    file: str = ""
    url: str = ""

    def __post_init__(self) -> None:
        if bool(self.file) == bool(self.url):
            raise ConfigError(f"weights of {self.source}: expected either file or url")
        if not re.fullmatch(r"[0-9a-f]{64}", self.sha256):
            raise ConfigError(f"weights of {self.source}: sha256 {self.sha256!r} is not 64 hexadecimal digits")


@dataclass(frozen=True)
class Published:
    """A published average precision (0..100) on `data`, with boxes that were detected, annotated or none."""

    ap: float
    data: str
    boxes: str
    source: str

    def __post_init__(self) -> None:
        if self.boxes not in BOXES or not 0 <= self.ap <= 100:
            raise ConfigError(
                f"published AP {self.ap} with boxes {self.boxes!r}: expected 0..100 and one of {BOXES}"
            )


@dataclass(frozen=True)
class Row:
    """One backbone.

    network, estimator  MODULE:NAME below posebeam.models; arguments are the network's numbers
    decoders            such names by the way of decoding, the default first; a row with one way calls it ""
    input                        height and width of what the network sees, pixels
    view                         whole-frame, or top-down: one person's box a picture, from `detector` (a row)
    follows                      the view may follow the person from frame to frame
    min_score                    a joint below it is not seen
    parameters                   of the bare network
    weights, published           none where nothing was published
    """

    name: str
    network: str
    estimator: str
    decoders: Mapping[str, str]
    skeleton: str
    input: tuple[int, int]
    colour: str
    view: str
    min_score: float
    parameters: int
    paper: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    follows: bool = False
    detector: str | None = None
    weights: Weights | None = None
    published: Published | None = None

    def decode(self, way: str) -> str:
        """The way of decoding that is meant, "" being the default; ConfigError if the row has no such way."""
        if not way or way in self.decoders:
            return way or next(iter(self.decoders))
        known = ", ".join(self.decoders) if "" not in self.decoders else "it has one way only"
        raise ConfigError(f"backbone {self.name} cannot decode by {way!r}: {known}")

    def __post_init__(self) -> None:
        skeleton(self.skeleton)
        for column, value, known in (("colour", self.colour, COLOURS), ("view", self.view, VIEWS)):
            if value not in known:
                raise ConfigError(f"backbone {self.name}: {column} {value!r}, expected one of {', '.join(known)}")
        if len(self.input) != 2 or min(self.input) < 1:
            raise ConfigError(f"backbone {self.name}: input {self.input}, expected height and width in pixels")
        if not 0 <= self.min_score < 1 or self.parameters < 1:
            raise ConfigError(
                f"backbone {self.name}: min_score {self.min_score} and {self.parameters} parameters, "
                "expected 0 <= min_score < 1 and at least one parameter"
            )
