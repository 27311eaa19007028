"""Row: the facts about one backbone, as backbones.toml states them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from posebeam.transforms.errors import ConfigError
from posebeam.transforms.skeleton import skeleton

COLOURS = ("rgb", "bgr")
VIEWS = ("whole-frame", "top-down", "detector")
IMPORTED = "imported-"  # how names of backbones begin that no row knows: other programs made the poses
BOXES = ("none", "detector", "ground truth")


@dataclass(frozen=True)
class Weights:
    """Published weights: a file of the package, a url, or a page where a person finds the file of that name; or
    a file of one's own in a run folder.

    sha256   64 digits, the first ones that a publisher states (at least 8), or "" where none was stated
    licence  of the weights; source says who published them
    """

    licence: str
    source: str
    sha256: str = ""
    file: str = ""
    url: str = ""
    page: str = ""
    run: str = ""

    @property
    def embedded(self) -> bool:
        """Whether they come with the package."""
        return bool(self.file) and not (self.page or self.run)

    @property
    def filename(self) -> str:
        """What the publisher calls the file."""
        return self.file or self.url.rsplit("/", 1)[-1]

    def __post_init__(self) -> None:
        if bool(self.file) == bool(self.url) or ((self.page or self.run) and not self.file):
            raise ConfigError(f"weights of {self.source}: expected a file, a url, or a page or run with its file")
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

    network, estimator  MODULE:NAME below posebeam.models: the network, arguments being its numbers; and its view
                        (models/backbone.py), or of a detector what finds boxes (models/detector.py)
    decoders            such names by the way of decoding, the default first; a row with one way calls it ""
    input               height and width of what the network sees, pixels
    colour              the order of the channels that the network was trained on
    view                whole-frame; top-down: one person's box a picture, from `detector` (a row), framed by
                        `framing` (transforms/framing.py); or detector
    follows             the view may follow the person from frame to frame
    skeleton            of the people; a detector has none
    min_score           a joint below it is not seen
    min_person          a person below it, or a detector's box, is nobody
    chunk               pictures that a core of a CPU takes at a time: as many as stay in its cache
    graph               onnxruntime runs the network on a CPU (models/graph.py)
    parameters, macs    of the bare network, counted; macs: multiply-adds for one picture of size `input`
    weights, published  none where nothing was published
    """

    name: str
    network: str
    estimator: str
    decoders: Mapping[str, str]
    input: tuple[int, int]
    colour: str
    view: str
    parameters: int
    macs: int
    paper: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    skeleton: str = ""
    min_score: float = 0.0
    min_person: float = 0.0
    follows: bool = False
    chunk: int = 2
    graph: bool = False
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

    def boxes_from(self, detector: str) -> str:
        """The row whose boxes are looked at, "" being the backbone's own; "" where whole frames are.

        ConfigError for who does not look at boxes. Who may follow a person may look at boxes instead.
        """
        if self.view == "detector":
            raise ConfigError(f"{self.name} is a detector: it finds boxes for other backbones, but no joints")
        if detector and self.view == "whole-frame" and not self.follows:
            raise ConfigError(f"backbone {self.name} finds people by itself: it takes no detector ({detector})")
        return detector or self.detector or ""

    def check_flip(self, flip: bool) -> None:
        """ConfigError if a flip test is wanted of a backbone that was published without."""
        if flip and self.view != "top-down":
            raise ConfigError(f"backbone {self.name} has no flip test: only top-down ones were published with it")

    def __post_init__(self) -> None:
        self._check_view()
        for column, value, known in (("colour", self.colour, COLOURS), ("view", self.view, VIEWS)):
            if value not in known:
                raise ConfigError(f"backbone {self.name}: {column} {value!r}, expected one of {', '.join(known)}")
        if len(self.input) != 2 or min(self.input) < 1:
            raise ConfigError(f"backbone {self.name}: input {self.input}, expected height and width in pixels")
        if not (0 <= self.min_score < 1 and 0 <= self.min_person < 1) or min(self.parameters, self.macs) < 1:
            raise ConfigError(
                f"backbone {self.name}: min_score {self.min_score}, min_person {self.min_person}, "
                f"{self.parameters} parameters, {self.macs} macs; expected scores of 0 up to 1, and at least one "
                "of the others"
            )

    def _check_view(self) -> None:
        """Who estimates people has a skeleton, who is top-down a detector and a framing too."""
        given = bool(self.skeleton), bool(self.detector), bool(self.framing)
        top_down = self.view == "top-down"
        if not self.decoders or given != (self.view != "detector", top_down, top_down):
            raise ConfigError(
                f"backbone {self.name}, view {self.view}: expected a decoder; a skeleton unless it is a detector; "
                "a detector and a framing if it is top-down"
            )
        if self.skeleton:
            skeleton(self.skeleton)
