"""Mistakes: the clips that a model got wrong most surely, drawn, with what its class token took from frames."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from posebeam.workflows.report.attention import Looker
from posebeam.workflows.report.examples import motions
from posebeam.workflows.report.place import Place
from posebeam.workflows.report.player import player
from posebeam.workflows.report.section import Block, Picture, Sheet, picture
from posebeam.workflows.report.strip import strip

_SHOWN = 12  # strips a run
_HEADER = ("clip", "truth", "said", "sure", "of the truth", "windows")


def mistakes_block(
    name: str, mistakes: Sequence[Mapping[str, Any]], source: Path | None, looker: Looker | None
) -> Block:
    """Those that posebeam evaluate told of, from the data set that it read, or as a table where that is gone."""
    told = mistakes[:_SHOWN]
    pictures = _pictures(name, told, source, looker) if source else []
    title = "Mistakes it was surest of"
    if not pictures:
        text = "" if source else "No data set was found to draw them from: name it with --data OUT."
        return Block(title, text, Sheet(_HEADER, list(map(_cells, told)), (3, 4, 5)))
    text = (
        "The window of each clip that speaks loudest for the wrong class; the person's left is blue, the right "
        "orange, below are the frames' numbers."
    )
    if looker:
        text += " Above them: how much the class token takes from each frame, a row a layer, the first on top."
    return Block(title, text, pictures=pictures, strips=True)


def _pictures(name: str, told: Sequence[Mapping[str, Any]], source: Path, looker: Looker | None) -> list[Picture]:
    places = [Place(each["clip_id"], each["person"], each["start"]) for each in told]
    maps = looker.at(places) if looker else [None] * len(places)
    found = zip(told, motions(source, places), maps, strict=True)
    return [
        picture(
            strip(motion, attention),
            f"{name}: mistake {number}, {each['clip_id']}",
            caption(each),
            wide=True,
            classes=(each["truth"], each["said"]),
            player=player(motion),
        )
        for number, (each, motion, attention) in enumerate(found, 1)
        if motion
    ]


def caption(mistake: Mapping[str, Any]) -> str:
    """A mistake in a sentence."""
    return (
        f"{mistake['truth']}, said {mistake['said']} with {mistake['probability']:.0%} "
        f"(truth {mistake['probability_of_truth']:.0%}): {mistake['clip_id']}"
    )


def _cells(mistake: Mapping[str, Any]) -> tuple[Any, ...]:
    return (
        mistake["clip_id"],
        mistake["truth"],
        mistake["said"],
        f"{mistake['probability']:.0%}",
        f"{mistake['probability_of_truth']:.0%}",
        mistake["windows"],
    )
