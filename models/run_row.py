"""RunRow: a trained backbone's row, the one table of a run folder's backbone.toml.

A run folder may come from anywhere. So its row names what backbones.toml names, and nothing else: reading it, and
loading what it names, runs no code but this package's.
"""

from __future__ import annotations

import json
import math
import re
import tomllib
from dataclasses import fields, replace
from pathlib import Path
from typing import Any
from uuid import uuid4

from posebeam.models.row import IMPORTED, Row, Weights
from posebeam.models.table import read_row, rows
from posebeam.transforms.errors import ConfigError

FILE, WEIGHTS = "backbone.toml", "model.safetensors"
MOST = 4096  # the largest number of an argument, and of pixels a side: a run of ours has none near it
# What networks take beside the arguments that backbones.toml gives them.
ARGUMENTS = (
    "auxiliary",
    "dropout",
    "feedforward",
    "heads",
    "image",
    "joints",
    "layers",
    "position",
    "queries",
    "width",
)
_HEAD = f"# A trained backbone, its columns as in posebeam's models/backbones.toml; its weights: {WEIGHTS}.\n"
_NAME = r"[A-Za-z0-9][A-Za-z0-9._+-]{0,99}"
_ALIKE = ("estimator", "skeleton", "view", "follows", "framing")  # follow from the network
_PLAIN = {
    str: ("network", "estimator", "colour", "view", "paper", "skeleton", "framing"),
    int: ("parameters", "macs"),
    bool: ("follows",),
}


def run_name(folder: Path) -> str:
    """What a backbone trained in the folder is called, there and in data made with it: as the folder, as far as a
    file's name allows, and never as a row of the table.
    """
    plain = re.sub(r"[^A-Za-z0-9._+-]+", "-", folder.resolve().name).lstrip("._+-")[:80] or "run"
    return plain if _is_free(plain) else f"trained-{plain}"


def write_run_row(row: Row, folder: Path) -> None:
    """Write FOLDER/backbone.toml: the row under the folder's own name, without weights and published figures.

    ConfigError if that would not be read again: the row names what no row of the table names.
    """
    bare = replace(row, name=run_name(folder), weights=None, published=())
    columns = {field.name: getattr(bare, field.name) for field in fields(Row) if field.name != "name"}
    columns["decoder"] = columns.pop("decoders")
    if tuple(columns["decoder"]) == ("",):
        columns["decoder"] = columns["decoder"][""]
    lines = [f"{key} = {_toml(value)}" for key, value in columns.items() if value not in ("", 0, None, {}, ())]
    text = "\n".join((_HEAD, f"[{_toml(bare.name)}]", *lines, ""))
    _read(text, folder)
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / f".{FILE}.{uuid4().hex}"
    try:
        part.write_text(text, encoding="utf-8")
        part.replace(folder / FILE)
    finally:
        part.unlink(missing_ok=True)


def read_run_row(folder: Path) -> Row:
    """The row of a run folder, its weights being the folder's; ConfigError saying what is wrong."""
    path = folder / FILE
    if not path.is_file():
        raise ConfigError(f"{folder} holds no {FILE}, so it is no backbone: {_instead(folder)}")
    try:
        return _read(path.read_text(encoding="utf-8"), folder)
    except (OSError, ValueError, RecursionError) as error:
        if isinstance(error, ConfigError):
            raise
        raise ConfigError(f"{path} is damaged: {error}") from error


def _instead(folder: Path) -> str:
    """What a folder without a row is."""
    if (folder / "manifest.json").is_file() or (folder / "plan.json").is_file():
        return "it is a data set, of which posebeam train-pose makes one"
    record = folder / "run.json"
    if not record.is_file():
        return "it is no run folder; posebeam train-pose OUT RUN --backbone NAME makes one"
    try:
        facts = dict(json.loads(record.read_text(encoding="utf-8")))
    except ValueError:
        return "its run.json is damaged"
    if facts.get("state") != "finished":
        return "its training is unfinished; go on with the same command and --resume"
    return (
        "it is a run of another command than train-pose: an action model (--run), or a pretrained trunk (--init)"
    )


def _read(text: str, folder: Path) -> Row:
    """The one row of a text; ConfigError unless all of it is as in a row of the table."""
    path, tables = folder / FILE, tomllib.loads(text)
    if len(tables) != 1 or not isinstance(facts := next(iter(tables.values())), dict):
        raise ConfigError(f"{path}: expected one table, [NAME] with the columns of a row; got {len(tables)} keys")
    (name,) = tables
    if not re.fullmatch(_NAME, name) or not _is_free(name):
        raise ConfigError(
            f"{path}: the name {name!r}: expected letters, digits, dots, dashes; and no other backbone's"
        )
    if more := facts.keys() & {"weights", "published", "name"}:
        raise ConfigError(f"{path}: {', '.join(sorted(more))}: a run has none; its weights are its {WEIGHTS}")
    row = read_row(name, facts)
    _check_kinds(row, path)
    _check_names(row, path)
    _check_numbers(row, path)
    weights = Weights("not stated", "posebeam train-pose", file=WEIGHTS, run=str(folder))
    return replace(row, weights=weights)


def _is_free(name: str) -> bool:
    return not name.startswith(IMPORTED) and name not in {each.name for each in rows()}


def _check_kinds(row: Row, path: Path) -> None:
    for kind, columns in _PLAIN.items():
        for column in columns:
            value = getattr(row, column)
            if type(value) is not kind or (isinstance(value, str) and not value.isprintable()):
                raise ConfigError(f"{path}: {column} {value!r}, expected a plain {kind.__name__}")


def _check_names(row: Row, path: Path) -> None:
    """ConfigError unless the row names what the table's rows of its network name."""
    kin = [each for each in rows() if each.network == row.network]
    _require(path, "network", row.network, [each.network for each in rows()])
    for column in _ALIKE:
        _require(path, column, getattr(row, column), [getattr(each, column) for each in kin])
    decoders = [(way, named) for each in kin for way, named in each.decoders.items()]
    for decoder in row.decoders.items():
        _require(path, "decoder", decoder, decoders)
    if row.detector is not None:
        _require(path, "detector", row.detector, [each.name for each in rows()])
    known = {*ARGUMENTS, *(name for each in kin for name in each.arguments)}
    for name in row.arguments:
        _require(path, f"argument of {row.network}", name, sorted(known))


def _require(path: Path, what: str, value: Any, known: list[Any]) -> None:
    if value not in known:
        said = ", ".join(dict.fromkeys(each if isinstance(each, str) else repr(each) for each in known))
        raise ConfigError(f"{path}: {what} {value!r}, expected one of the table's: {said}")


def _check_numbers(row: Row, path: Path) -> None:
    sides = [type(side) is int and side <= MOST for side in row.input]
    if not all(sides):
        raise ConfigError(f"{path}: input {list(row.input)}, expected height and width, at most {MOST} pixels")
    for name, value in row.arguments.items():
        if not _is_number(value) and not (
            isinstance(value, list) and len(value) < 20 and all(map(_is_number, value))
        ):
            raise ConfigError(
                f"{path}: argument {name} {value!r}, expected a number up to {MOST}, a word, or a few"
            )


def _is_number(value: Any) -> bool:
    """Or a word."""
    if isinstance(value, (int, float)):
        return math.isfinite(value) and 0 <= value <= MOST
    return isinstance(value, str) and re.fullmatch(r"[a-z0-9-]{1,40}", value) is not None


def _toml(value: Any) -> str:
    """A value of a row as TOML."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(_toml, value))}]"
    if isinstance(value, dict):
        return f"{{ {', '.join(f'{_toml(key)} = {_toml(each)}' for key, each in value.items())} }}"
    raise ConfigError(f"a row of a run holds {value!r}: expected text, numbers, and lists of them")
