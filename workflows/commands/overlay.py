"""posebeam overlay: stored poses drawn on the video they come from."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from posebeam.workflows.argument import DataSet, Local
from posebeam.workflows.config import flags, option, resolve
from posebeam.workflows.help import OUTPUT, HelpPage


@dataclass(frozen=True)
class OverlayConfig:
    """The flags of posebeam overlay."""

    source: str = option("", "Folder that the clip ids count from; where the build found the videos by default.")
    min_score: float = option(-1.0, "A joint scored lower is not drawn; -1: as in OUT.")


SECTIONS = {
    OUTPUT: {
        "FILE": "an .mp4",
    },
}
EXAMPLES = (
    ("posebeam overlay out/data v_Archery_g01_c01 archery.mp4", "the clip whose id ends so; .avi may be left out"),
    (
        "posebeam overlay out/data wave/ben_01.mp4 ben.mp4 --source videos",
        "where the videos have moved since the build",
    ),
)


@click.command(cls=HelpPage, sections=SECTIONS, examples=EXAMPLES)
@click.argument("out", type=DataSet("poses"))
@click.argument("clip")
@click.argument("file", type=Local(dir_okay=False, path_type=Path))
@flags(OverlayConfig)
def command(out: Path, clip: str, file: Path, config: Path | None, **given: Any) -> int:
    """CLIP is a clip's id, or its end where no other clip ends so: v_Archery_g01_c01 for example.

    Draws everybody whose poses OUT holds: one person by side (left blue, right orange), several people each in a
    colour of their own, with the number that the column `person` gives them.
    """
    from posebeam.pipelines.plan import read_plan
    from posebeam.pipelines.stored import read_clip
    from posebeam.pipelines.stores.address import located
    from posebeam.pipelines.whereabouts import find_video
    from posebeam.workflows.console import say
    from posebeam.workflows.overlay import hold_against_video, require_other, write_overlay

    settings = resolve(OverlayConfig, config, given)
    plan = read_plan(out)["settings"]
    stored = read_clip(out, clip)
    video = find_video(out, stored.clip_id, located(settings.source) if settings.source else None)
    require_other(video, file)  # before the video is read, not after it
    fps = float(plan["poses"].get("fps") or 0) or None
    rate = hold_against_video(video, stored, fps).fps
    min_score = plan["windows"]["min_score"] if settings.min_score < 0 else settings.min_score
    frames = write_overlay(video, stored.tracks, file, min_score=min_score, fps=fps, rate=rate)
    people = f"{len(stored.people)} {'person' if len(stored.people) == 1 else 'people'}"
    say(f"{file}: {stored.clip_id} ({stored.label}), {frames} frames, {people}")
    return 0
