"""Row: the facts about one backbone, as backbones.toml states them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from posebeam.transforms.errors import ConfigError
from posebeam.transforms.skeleton import skeleton

COLOURS = ("rgb", "bgr")
VIEWS = ("whole-frame", "top-down", "detector")
BOXES = ("none", "detector", "ground truth")


@dataclass(frozen=True)
class Weights:
    """Published weights: a file of the package, a url, or a page where a person finds the file of that name.

    sha256   64 digits, the first ones that a publisher states (at least 8), or "" where none was stated
    licence  of the weights; source says who published them
    """

    licence: str
    source: str
    sha256: str = ""
    file: str = ""
    url: str = ""
    page: str = ""

    @property
    def embedded(self) -> bool:
        """Whether they come with the package."""
        return bool(self.file) and not self.page

    @property
    def filename(self) -> str:
        """What the publisher calls the file."""
        return self.file or self.url.rsplit("/", 1)[-1]

    def __post_init__(self) -> None:
        if bool(self.file) == bool(self.url) or (self.page and not self.file):
            raise ConfigError(f"weights of {self.source}: expected a file, a url, or a page with its file")
        digits = "[0-9a-f]{64}" if self.embedded else "|[0-9a-f]{8,64}"
        if not re.fullmatch(digits, self.sha256):
            raise ConfigError(
                f"weights of {self.source}: sha256 {self.sha256!r} is not 64 hexadecimal digits"
                + ("" if self.embedded else ", the first 8 or more of them, or none")
            )


@dataclass(frozen=True)
class Published:
    """Published average precision (and recall, 0..100) on `data`; boxes were detected, annotated or none.

    init  what training began from, where one network was published with several
    fps   pictures a second on `device`
    note  what a reader must know to compare the figure
    """

    ap: float
    data: str
    boxes: str
    source: str
    ar: float | None = None
    init: str = ""
    fps: float | None = None
    device: str = ""
    note: str = ""

    def __post_init__(self) -> None:
        if self.boxes not in BOXES or not 0 <= self.ap <= 100:
            raise ConfigError(
                f"published AP {self.ap} with boxes {self.boxes!r}: expected 0..100 and one of {BOXES}"
            )
        if (self.fps is None) != (not self.device):
            raise ConfigError(f"published by {self.source}: pictures a second and their device go together")


@dataclass(frozen=True)
class Row:
    """One backbone.

    network, estimator  MODULE:NAME below posebeam.models; arguments are the network's numbers. A detector has no
                        estimator of its own: top-down backbones take its boxes.
    decoders            such names by the way of decoding, the default first; a row with one way calls it ""
    input               height and width of what the network sees, pixels
    colour              the order of the channels that the network was trained on
    view                whole-frame; top-down: one person's box a picture, from `detector` (a row), framed by
                        `framing` (transforms/framing.py); or detector
    follows             the view may follow the person from frame to frame
    min_score           a joint below it is not seen
    parameters, macs    of the bare network, counted; macs: multiply-adds for one picture of size `input`
    weights, published  none where nothing was published
    """

    name: str
    network: str
    input: tuple[int, int]
    colour: str
    view: str
    parameters: int
    macs: int
    paper: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    estimator: str = ""
    decoders: Mapping[str, str] = field(default_factory=dict)
    skeleton: str = ""
    min_score: float = 0.0
    follows: bool = False
    framing: str = ""
    detector: str | None = None
    weights: Weights | None = None
    published: tuple[Published, ...] = ()

    def decode(self, way: str) -> str:
        """The way of decoding that is meant, "" being the default; ConfigError if the row has no such way."""
        if not way or way in self.decoders:
            return way or next(iter(self.decoders))
        known = ", ".join(self.decoders) if "" not in self.decoders else "it has one way only"
        raise ConfigError(f"backbone {self.name} cannot decode by {way!r}: {known}")

    def __post_init__(self) -> None:
        self._check_estimator()
        for column, value, known in (("colour", self.colour, COLOURS), ("view", self.view, VIEWS)):
            if value not in known:
                raise ConfigError(f"backbone {self.name}: {column} {value!r}, expected one of {', '.join(known)}")
        if len(self.input) != 2 or min(self.input) < 1:
            raise ConfigError(f"backbone {self.name}: input {self.input}, expected height and width in pixels")
        if not 0 <= self.min_score < 1 or min(self.parameters, self.macs) < 1:
            raise ConfigError(
                f"backbone {self.name}: min_score {self.min_score}, {self.parameters} parameters, "
                f"{self.macs} macs; expected 0 <= min_score < 1 and at least one of the others"
            )

    def _check_estimator(self) -> None:
        """Who estimates people has an estimator, a decoder and a skeleton; a detector none of them."""
        given = [bool(self.estimator), bool(self.decoders), bool(self.skeleton)]
        if given != [self.view != "detector"] * 3:
            raise ConfigError(
                f"backbone {self.name}, view {self.view}: expected estimator, decoder and skeleton together, "
                "and none of them for a detector"
            )
        if self.skeleton:
            skeleton(self.skeleton)
