"""RunRow: a trained backbone's row, the one table of a run folder's backbone.toml.

A run folder may come from anywhere. So its row names what backbones.toml names, and nothing else: reading it, and
loading what it names, runs no code but this package's.
"""

from __future__ import annotations

import json
import re
import tomllib
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from posebeam.models.known_row import require_known
from posebeam.models.private import private_beside
from posebeam.models.row import IMPORTED, Row, Weights
from posebeam.models.table import read_row, rows
from posebeam.transforms.errors import ConfigError

FILE, WEIGHTS, RECORD = "backbone.toml", "model.safetensors", "run.json"
_HEAD = f"# A trained backbone, its columns as in posebeam's models/backbones.toml; its weights: {WEIGHTS}.\n"
MOST_BYTES = 1 << 12
_NAME = r"[A-Za-z0-9][A-Za-z0-9._+-]{0,99}"


def run_name(folder: Path) -> str:
    """What a backbone trained in the folder is called, there and in data made with it: as the folder, as far as a
    file's name allows, and never as a row of the table.
    """
    plain = file_name(folder.resolve().name).lstrip("._+-") or "run"
    return plain if _is_free(plain) else f"trained-{plain}"


def file_name(text: str) -> str:
    """A text as far as a file's name allows everywhere: at most 80 letters, digits and . _ + -."""
    return re.sub(r"[^A-Za-z0-9._+-]+", "-", text)[:80]


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
    with private_beside(folder / FILE) as part:
        part.write_text(text, encoding="utf-8")
        part.replace(folder / FILE)


def read_run_row(folder: Path) -> Row:
    """The row of a run folder, its weights being the folder's; ConfigError saying what is wrong."""
    path = folder / FILE
    if not path.is_file():
        raise ConfigError(f"{folder} holds no {FILE}, so it is no backbone: {_instead(folder)}")
    if path.stat().st_size > MOST_BYTES:
        raise ConfigError(f"{path}: {path.stat().st_size} bytes, a row has a thousand")
    try:
        return _read(path.read_text(encoding="utf-8"), folder)
    except (OSError, ValueError, RecursionError) as error:
        raise ConfigError(f"{path} is damaged: {error}") from error


def finished_row(folder: Path) -> Row:
    """The same of a run that was not given up halfway; a folder from elsewhere may be without its run.json."""
    row = read_run_row(folder)
    if (folder / RECORD).is_file() and (said := _unfinished(folder)):
        raise ConfigError(f"{folder} is no backbone yet: {said}")
    return row


def _instead(folder: Path) -> str:
    """What a folder without a row is."""
    if (folder / "manifest.json").is_file() or (folder / "plan.json").is_file():
        return "it is a data set, of which posebeam train-pose makes one"
    if not (folder / RECORD).is_file():
        return "it is no run folder; posebeam train-pose OUT RUN --backbone NAME makes one"
    return _unfinished(folder) or (
        "it is a run of another command than train-pose, which makes backbones: of an action model or a trunk"
    )


def _unfinished(folder: Path) -> str:
    """Why a run is not over; "" if it is."""
    try:
        state = dict(json.loads((folder / RECORD).read_text(encoding="utf-8"))).get("state")
    except (ValueError, TypeError):
        return f"its {RECORD} is damaged"
    return "" if state == "finished" else "its training is unfinished; go on with the same command and --resume"


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
    require_known(row, path)
    weights = Weights("not stated", "posebeam train-pose", file=WEIGHTS, run=str(folder))
    return replace(row, weights=weights)


def _is_free(name: str) -> bool:
    return not name.startswith(IMPORTED) and name not in {each.name for each in rows()}


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
