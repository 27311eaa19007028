"""Configuration: one frozen record a command; its fields are the flags, the file's keys and the defaults."""

import dataclasses
import difflib
import os
import tomllib
import typing
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from posebeam.transforms.errors import ConfigError

PRECISIONS = ("32-true", "16-mixed", "bf16-mixed")  # lightning's words, of every training

Record = TypeVar("Record")
Command = TypeVar("Command", bound=Callable[..., Any])


def option(default: Any, text: str, choices: Sequence[str] = ()) -> Any:
    """A field of a configuration record: its default, its help, and the values it may take."""
    return dataclasses.field(default=default, metadata={"help": text, "choices": tuple(choices)})


def require(holds: bool, what: str, got: Any, expected: str) -> None:
    """ConfigError unless it holds: what a record checks of itself."""
    if not holds:
        raise ConfigError(f"{what}: got {got!r}, expected {expected}")


def same(record: type, name: str) -> Any:
    """A field like another record's of that name: the same default, help and choices."""
    field = record.__dataclass_fields__[name]  # type: ignore[attr-defined]
    return dataclasses.field(default=field.default, metadata=field.metadata)


def unsaid(record: type, name: str) -> Any:
    """A field like another record's of that name, None where nothing is said."""
    field = record.__dataclass_fields__[name]  # type: ignore[attr-defined]
    return dataclasses.field(default=None, metadata=field.metadata)


def flags(record: type) -> Callable[[Command], Command]:
    """Give a click command one flag for each field of the record, and --config FILE.toml."""

    def add(command: Command) -> Command:
        kinds = typing.get_type_hints(record)
        config = click.option(
            "--config",
            type=click.Path(exists=True, dir_okay=False, path_type=Path),
            help="TOML file with the same names (min_score = 0.3); flags override it.",
        )
        command = config(command)
        for field in reversed(dataclasses.fields(record)):
            command = _flag(field, kinds[field.name])(command)
        return command

    return add


def _flag(field: "dataclasses.Field[Any]", kind: Any) -> Callable[[Command], Command]:
    name, text = field.name.replace("_", "-"), field.metadata["help"]
    if kind is bool:
        both = f"--{name}/--no-{name}"
        shown = f" [default: --{name}]" if field.default else ""
        return click.option(both if field.default else f"--{name}", default=None, is_flag=True, help=text + shown)
    choices = field.metadata["choices"]
    default = f"{field.default:g}" if kind is float else field.default
    shown = f" [default: {default}]" if default not in ("", None) else ""
    complete = _backbones if field.name in ("backbone", "detector") else None
    kind = click.Choice(choices) if choices else kind
    return click.option(f"--{name}", type=kind, help=text + shown, shell_complete=complete)


def _backbones(_: click.Context, __: click.Parameter, begun: str) -> list[str]:
    """Names of the table, for the shell's completion."""
    from posebeam.models.registry import rows

    return [row.name for row in rows() if row.name.startswith(begun)]


def resolve(record: type[Record], config: Path | None, given: Mapping[str, Any]) -> Record:
    """defaults < file < flags. given holds what click parsed, None for what was not said."""
    values = _checked(record, str(config), _read(config)) if config else {}
    said = {key: value for key, value in given.items() if value is not None}
    return record(**{**values, **said})


def resolve_call(record: type[Record], call: str, config: Path | None, given: Mapping[str, Any]) -> Record:
    """The same for a call from Python, whose keywords nobody has looked at yet: paths may stand for text."""
    texts = {key: os.fspath(value) if isinstance(value, os.PathLike) else value for key, value in given.items()}
    return resolve(record, config, _checked(record, call, texts))


def _checked(record: type, where: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """The values themselves; ConfigError at a name that the record lacks, or a value that is none for it."""
    fields = {field.name: field for field in dataclasses.fields(record)}
    kinds = typing.get_type_hints(record)
    for key, value in values.items():
        if key not in fields:
            near = difflib.get_close_matches(key, fields, n=3)
            known = f"near: {', '.join(near)}" if near else f"known: {', '.join(fields)}"
            raise ConfigError(f"{where}: no setting {repr(key)[:200]}; {known}")
        _check(f"{where}: {key}", value, kinds[key], fields[key].metadata["choices"])
    return dict(values)


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ConfigError(f"{path} is no TOML file: {error}") from error


def _check(where: str, value: Any, kind: Any, choices: Sequence[str]) -> None:
    right = (
        isinstance(value, (int, float)) and not isinstance(value, bool) if kind is float else type(value) is kind
    )
    if not right:
        raise ConfigError(f"{where}: got {repr(value)[:200]}, expected {kind.__name__}")
    if choices and value not in choices:
        raise ConfigError(f"{where}: got {repr(value)[:200]}, expected one of {', '.join(choices)}")


def as_toml(record: Any) -> str:
    """The resolved configuration, as a file that --config takes."""
    lines = [f"{key} = {_toml(value)}" for key, value in dataclasses.asdict(record).items()]
    return "\n".join(lines) + "\n"


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return repr(value)
