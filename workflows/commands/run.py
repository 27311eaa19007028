"""posebeam run: own videos to a trained model in one command."""

import shlex
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click

from posebeam.transforms.chain import CHAINS
from posebeam.transforms.errors import ConfigError, SourceError
from posebeam.workflows.argument import Local, there
from posebeam.workflows.commands.build import FEATURES, BuildConfig
from posebeam.workflows.commands.train import MODELS, TrainConfig
from posebeam.workflows.config import flags, option, resolve, same
from posebeam.workflows.help import OUTPUT, HelpPage


@dataclass(frozen=True)
class RunConfig:
    """The flags of posebeam run; each step has more of its own."""

    kind: str = option(
        "auto",
        "What SOURCE is; auto: by what is there, as build describes them.",
        ("auto", "ucf101", "videos", "manifest"),
    )
    backbone: str = same(BuildConfig, "backbone")
    decode: str = same(BuildConfig, "decode")
    detector: str = same(BuildConfig, "detector")
    flip: bool = same(BuildConfig, "flip")
    features: str = option(
        BuildConfig.features,
        "Features for --model hybrid. [default: movenet-lightning, whose weights come along]",
        FEATURES,
    )
    group: str = same(BuildConfig, "group")
    split: int = option(BuildConfig.split, "ucf101: the official split.")
    fps: float = same(BuildConfig, "fps")
    person: str = same(BuildConfig, "person")
    chain: str = option("act-window", "Keypoint chain; act is the published one.", tuple(CHAINS))
    workers: int = option(BuildConfig.workers, "Worker processes of the build.")
    limit: int = option(BuildConfig.limit, "Take N clips only; 0: all.")
    allow_missing: bool = option(BuildConfig.allow_missing, "ucf101: go on although listed clips are absent.")
    max_rejects: float = option(BuildConfig.max_rejects, "Stop if a larger share of clips is rejected.")
    model: str = option(TrainConfig.model, "The Action Transformer in a size, or hybrid.", MODELS)
    recipe: str = option(TrainConfig.recipe, "How it is trained.")
    epochs: int = option(TrainConfig.epochs, "Epochs; 0: the recipe's.")
    seed: int = option(TrainConfig.seed, "Decides all chance.")
    device: str = option(BuildConfig.device, "Where networks run.", ("auto", "cpu", "cuda"))

    def __post_init__(self) -> None:
        """ConfigError for what a later step would refuse after hours of building."""
        TrainConfig(split=self.split, seed=self.seed)


SECTIONS = {
    OUTPUT: {
        "OUT/data": "poses and windows, or features, as Parquet, with a card",
        "OUT/model": "the trained model, its figures, logs and checkpoints",
        "OUT/overlay.mp4": "skeleton and label on a clip that was not trained on",
    },
}
EXAMPLES = (
    ("posebeam run videos out", "videos/<label>/* to a model"),
    (
        "posebeam run videos out --group '([a-z]+)_' --workers 4",
        "anna_01.mp4 and anna_02.mp4 stay on one side of the split; four processes",
    ),
    ("posebeam run UCF101 out --split 2 --allow-missing", "the official lists, as far as their clips are there"),
    ("posebeam run videos out --limit 8 --epochs 2", "a short look at whether all of it works"),
)


@click.command(cls=HelpPage, sections=SECTIONS, examples=EXAMPLES)
@click.argument("source", type=click.Path(path_type=Path), callback=there(folders=True))
@click.argument("out", type=Local(file_okay=False, path_type=Path))
@flags(RunConfig)
@click.pass_obj
def command(beam_args: list[str], source: Path, out: Path, config: Path | None, **given: Any) -> int:
    """SOURCE is what build takes: videos/<label>/*, a table of clips, UCF101.

    Each step is printed as the command it is; run again after an interruption and it goes on. With --model
    hybrid OUT/data holds features in place of poses, and there is no overlay.
    """
    from posebeam.pipelines.sources.manifest import SCHEMES
    from posebeam.workflows.cli import run
    from posebeam.workflows.console import say

    settings = resolve(RunConfig, config, given)
    if out.resolve().is_relative_to(source.resolve()):
        raise ConfigError(
            f"{out} lies in {source}: its overlay would be one of the videos next time; take a folder beside it"
        )
    if settings.model == "hybrid" and not settings.features:
        settings = replace(settings, features="movenet-lightning")
    if settings.kind == "auto":
        settings = replace(settings, kind=_kind(source))
    _require_labels(source, settings)
    for step in _steps(source, out, settings, beam_args):
        if step[0] == "predict":
            clip = _clip_to_show(out / "data")
            if urlsplit(clip).scheme in SCHEMES:  # which build reads, and no other command
                say(f"\n{clip} is shown to predict when it is a file here")
                continue
            step = [*step[:2], clip, *step[2:]]
        say("\n$ posebeam " + shlex.join(step))
        if code := run(step):
            return code
    _say_where(out)
    return 0


def _steps(source: Path, out: Path, config: RunConfig, beam_args: list[str]) -> list[list[str]]:
    """The commands, without the clip that predict is shown. Beam's flags are of the build."""
    from posebeam.pipelines.stores.address import address

    data, model = str(out / "data"), str(out / "model")
    build = ["build", config.kind, address(source), data, *_said(config, BuildConfig, {"device", "seed"})]
    build += _flag("device", config.device, BuildConfig.device)
    build += ["--", *beam_args] if beam_args else []
    train = ["train", data, model, "--resume", *_said(config, TrainConfig, {"device", "split"})]
    show = ["predict", model]
    if config.model != "hybrid":  # which sees nobody to draw
        show += ["--overlay", str(out / "overlay.mp4")]
        show += _flag("backbone", config.backbone, BuildConfig.backbone)  # the data know a run by its name alone
    devices = _flag("device", config.device, "auto")
    return [build, train + devices, ["evaluate", model, data, *devices], show + devices]


def _require_labels(source: Path, config: RunConfig) -> None:
    """SourceError before hours of building if training could not follow."""
    from posebeam.workflows.source import labels_of

    labels = labels_of(config.kind, source, limit=config.limit)
    if len(labels) == 1:
        raise SourceError(
            f"{source} holds clips of one label, {labels.pop()}: a model tells two or more apart, each in "
            "a folder of its own; posebeam build takes one"
        )


def _kind(source: Path) -> str:
    from posebeam.pipelines.sources.stored import listed
    from posebeam.pipelines.sources.ucf101 import LISTS
    from posebeam.pipelines.stores.address import uri_of

    if source.suffix in (".csv", ".parquet"):
        return "manifest"
    if uri_of(source):
        names = [name for name, _ in listed(source)]
        if "train.csv" in names:
            return "manifest"
        return "ucf101" if any(f"{LISTS}/" in name for name in names) else "videos"
    if (source / "train.csv").is_file():
        return "manifest"
    return "ucf101" if any(source.glob(f"**/{LISTS}")) else "videos"


def _said(config: RunConfig, record: type, without: set[str]) -> list[str]:
    """Flags for the fields that two records share, where they differ from the default."""
    names = RunConfig.__dataclass_fields__.keys() & record.__dataclass_fields__.keys() - without  # type: ignore[attr-defined]
    return [word for name in sorted(names) for word in _flag(name, getattr(config, name), getattr(record, name))]


def _flag(name: str, value: Any, default: Any) -> list[str]:
    flag = f"--{name.replace('_', '-')}"
    if value == default:
        return []
    return [flag] if value is True else [flag, str(value)]


def _clip_to_show(data: Path) -> str:
    """The video of a clip that was not trained on, if there is one."""
    import pyarrow.parquet as pq

    from posebeam.pipelines.manifest import read_manifest
    from posebeam.pipelines.whereabouts import find_video
    from posebeam.transforms.errors import DataError

    filled = [file for file in read_manifest(data)["files"] if file["rows"]]
    files = [file for file in filled if file["product"] in ("windows", "features")]
    if not files:
        raise DataError(f"{data} holds no windows: its clips are too short, or nobody was seen in them")
    chosen = min(files, key=lambda file: (("test", "validation", "train").index(file["split"]), file["path"]))
    return find_video(data, pq.read_table(data / chosen["path"], columns=["clip_id"])["clip_id"][0].as_py())


def _say_where(out: Path) -> None:
    from posebeam.workflows.console import facts_table, show

    facts = {
        out / "data": "poses and windows, or features, as Parquet; its README.md says what is in them",
        out / "model": "the trained model, its logs and checkpoints",
        out / "model/evaluation": "figures and confusion matrix",
        out / "overlay.mp4": "a clip with skeleton and label",
    }
    there = {str(path): text for path, text in facts.items() if path.exists()}
    show(facts_table("what lies where", there))
