"""ExplainPicture: one figure of what backbones look at in one picture."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from posebeam.models.device import choose_device
from posebeam.models.registry import is_run, load_estimator, load_network, row
from posebeam.models.row import Row
from posebeam.pipelines.decode import open_clip
from posebeam.pipelines.publish import unfinished
from posebeam.pipelines.stills.still import SUFFIXES, open_still
from posebeam.transforms.errors import ConfigError, DecodeError, SourceError
from posebeam.transforms.framing import FRAMINGS
from posebeam.transforms.skeleton import skeleton
from posebeam.workflows.commands.explain import ExplainConfig
from posebeam.workflows.explain.grid import Strip, draw_grid
from posebeam.workflows.explain.joints import by_queries, joint_strips
from posebeam.workflows.explain.look import Look, look
from posebeam.workflows.explain.people import people_strips
from posebeam.workflows.explain.person import annotated_box, given_box, surest_box
from posebeam.workflows.explain.refinement import draw_refinement

DETR = "networks.detr:DETR"  # as the table of backbones names it

Frame = NDArray[np.uint8]


@dataclass(frozen=True)
class Named:
    """A backbone to look at: what it was asked for by, a name or a run folder; its row, a checkpoint in place of
    the published one, and its name in the figure.
    """

    name: str
    row: Row
    weights: Path | None
    label: str


def named(backbones: Sequence[str], weights: str) -> list[Named]:
    """NAME or NAME=FILE each; `weights` is the file of a single NAME. ConfigError if that does not add up."""
    found = []
    for text in backbones:
        name, _, file = (text, "", "") if is_run(text) else text.partition("=")
        facts, own = row(name), Path(file) if file else None
        found.append(Named(name, facts, own, f"{facts.name}\n{own.stem}" if own else facts.name))
    if weights and (len(found) > 1 or found[0].weights):
        raise ConfigError(f"--weights {weights}: whose? Say it as --backbone NAME={weights}")
    if weights:
        return [replace(found[0], weights=Path(weights))]
    return found


def read_picture(source: Path, number: int) -> Frame:
    """An image, or frame `number` of a video: uint8 RGB [H, W, 3]. SourceError if it cannot be read."""
    try:
        return _frame(source, number)
    except DecodeError as error:
        raise SourceError(f"{source} is no image or video that can be read: {error}") from error


def _frame(source: Path, number: int) -> Frame:
    if source.suffix.lower() in SUFFIXES:
        return next(iter(open_still(source))).rgb
    with open_clip(source) as clip:
        for frame in clip:
            if frame.number == number:
                return frame.rgb
        raise ConfigError(f"--frame {number}: {source} has {frame.number + 1} frames, numbered from 0")


def draw_backbones(frame: Frame, name: str, chosen: Sequence[Named], settings: ExplainConfig, out: Path) -> None:
    """Write a PNG of what each backbone looked at in a frame [H, W, 3] of that name."""
    if {each.row.view for each in chosen} == {"detector"}:
        _draw_people(frame, name, chosen, settings, out)
        return
    for each in chosen:
        if each.row.view != "top-down":
            raise ConfigError(
                f"{each.row.name} is a {each.row.view} backbone: a figure is of top-down rows (transpose, "
                "btranspose, prtr), or of detr rows"
            )
    box, whom = _person(frame, name, settings)
    looks = [_look(each, frame, box, settings) for each in chosen]
    title = f"{name}: {whom}"
    with unfinished(out) as path:
        if settings.refinement:
            note = "every query's guess, in the colour of the joint it takes itself for, fainter where unsure; "
            draw_refinement(looks, title, f"{note}ringed: the one matched with each joint", path)
        else:
            draw_grid(_strips(looks, settings), title, _note(looks, settings), path)


def _draw_people(frame: Frame, name: str, chosen: Sequence[Named], settings: ExplainConfig, out: Path) -> None:
    """Detectors see the whole picture, and nobody's joints."""
    if settings.box or settings.annotation_id >= 0 or settings.refinement or settings.joints:
        raise ConfigError(
            "a detector looks at the whole picture: no --box, --annotation-id, --joints, --refinement"
        )
    strips, device = [], choose_device(settings.device)
    for each in chosen:
        if each.row.network != DETR:
            raise ConfigError(f"{each.row.name} has no attention to look at; of the detectors detr has")
        network = load_network(each.name, each.weights)
        layers = _listed(settings.layers)
        strips += people_strips(each.row, network, each.label, frame, device, layers, settings.one_head)
    note = f"attention from the query of each person to the picture; {settings.heads}"
    with unfinished(out) as path:
        draw_grid(strips, f"{name}: where people were found", note, path)


def _person(frame: Frame, picture: str, settings: ExplainConfig) -> tuple[NDArray[np.float64], str]:
    """Whom the figure is about: a box [4], and words."""
    if settings.box and settings.annotation_id >= 0:
        raise ConfigError("--box and --annotation-id both name the person: give one of them")
    if settings.box:
        return given_box(settings.box), f"the person in {settings.box}"
    if settings.annotation_id >= 0:
        if not settings.annotations:
            raise ConfigError("--annotation-id needs --annotations FILE")
        number = settings.annotation_id
        return annotated_box(Path(settings.annotations), number, picture), f"annotation {number}"
    return surest_box(frame, settings.device)


def _look(each: Named, frame: Frame, box: NDArray[np.float64], settings: ExplainConfig) -> Look:
    """One backbone on the person. Boxes that a person gave are cleaned as published."""
    if settings.box or settings.annotation_id >= 0:
        cleaned, _ = FRAMINGS[each.row.framing].clean(box[None], (frame.shape[0], frame.shape[1]))
        if not len(cleaned):
            raise ConfigError(
                f"box {box.tolist()} lies outside of the picture ({frame.shape[1]} x {frame.shape[0]})"
            )
        box = cleaned[0]
    backbone = load_estimator(each.name, device=settings.device, weights=each.weights, batch_size=1)
    return look(each.row, each.label, backbone, frame, box, _listed(settings.layers))


def _strips(looks: Sequence[Look], settings: ExplainConfig) -> list[Strip]:
    return [
        strip
        for each in looks
        for strip in joint_strips(
            each,
            _listed(settings.joints) or skeleton(each.row.skeleton).joints,
            settings.areas,
            settings.one_head,
            settings.threshold,
        )
    ]


def _note(looks: Sequence[Look], settings: ExplainConfig) -> str:
    """What the colours say."""
    places = "what the place of each joint depends on" if settings.areas == "depends-on" else (
        "what the place of each joint affects"
    )  # fmt: skip
    kinds = {by_queries(each): each for each in looks}
    said = [
        words for of, words in ((False, places), (True, "where the query of each joint looked")) if of in kinds
    ]
    return f"{'; '.join(said)}; {settings.heads}; star: the joint, hollow where it is not sure"


def _listed(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())
