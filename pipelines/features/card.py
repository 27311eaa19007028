"""FeatureCard: what the data card says of features."""

from typing import Any

from posebeam.models.clip_features import LENGTH, SIDE
from posebeam.models.extractors import extractor

_ROW = """A row of `features` is a clip: `features` is [{length}, {width}] flattened, one row for each of its first
{length} frames; `length` of them are real, the others 0. By `{name}`: {about}
(licence {licence}, weights sha256 `{sha256}`). It saw the {side} x {side} pixels in the middle of each frame, not
resized.{warning}
"""
_MADE_UP = """ **Nothing was learnt**: what a model makes of them says how far chance and memory go."""


def feature_text(config: dict[str, Any]) -> str:
    """The paragraph about the product features of a data set with that configuration; "" if it has none."""
    if not config.get("features"):
        return ""
    facts = extractor(config["features"])
    return _ROW.format(
        length=LENGTH, width=facts.width, name=facts.name, about=facts.about, licence=facts.licence, side=SIDE,
        sha256=config["features_sha256"], warning=_MADE_UP if facts.made_up else "",
    )  # fmt: skip
