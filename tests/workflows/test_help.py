"""--help of every command: what for, where the output goes, defaults, and examples that the command takes."""

import dataclasses
import shlex
import sys

import click
import pytest

from posebeam.workflows.cli import COMMANDS, EXAMPLES, cli, run
from posebeam.workflows.help import OUTPUT, broken

TOP = click.Context(cli, info_name="posebeam")


def command_of(name):
    return cli.get_command(TOP, name)


def page_of(name, width, monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", str(width))
    assert run([name, "--help"]) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("name", COMMANDS)
def test_a_page_says_what_for_where_to_and_how_and_fits(name, width, monkeypatch, capsys):
    page = page_of(name, width, monkeypatch, capsys)
    assert COMMANDS[name] in " ".join(page.split())
    parts = [page.index(f"\n{title}:\n") for title in (OUTPUT, "Options", "Examples")]
    assert parts == sorted(parts)
    assert max(map(len, page.splitlines())) <= width
    assert "\\b" not in page


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_takes_its_examples(name, parse_command):
    examples = command_of(name).examples
    assert name in [parse_command(line) for line, _ in examples]
    assert all(does and not does.endswith(".") for _, does in examples)


def test_the_first_page_has_every_command_once_and_examples_that_work(parse_command, capsys):
    assert run(["--help"]) == 0
    page = capsys.readouterr().out.splitlines()
    for name in COMMANDS:
        assert sum(line.startswith(f"  {name}  ") for line in page) == 1
    assert [parse_command(line) for line, _ in EXAMPLES] == ["run", "predict", "build"]


@pytest.mark.parametrize("line", ["posebeam brew x", "posebeam build videos a b --fast", "posebeam train a"])
def test_a_wrong_example_would_be_seen(line, parse_command):
    with pytest.raises(click.UsageError):
        parse_command(line)


@pytest.mark.parametrize("name", COMMANDS)
def test_defaults_are_on_the_page(name, monkeypatch, capsys):
    page = " ".join(page_of(name, 120, monkeypatch, capsys).split())
    for field in fields_of(name):
        if isinstance(field.default, (int, float)) and not isinstance(field.default, bool):
            shown = f"{field.default:g}" if isinstance(field.default, float) else field.default
            assert f"[default: {shown}]" in page, field.name
        elif field.default is True:
            assert f"[default: --{field.name.replace('_', '-')}]" in page


def fields_of(name):
    """The fields of the command's configuration record, if it has one."""
    module = sys.modules[command_of(name).callback.__module__]
    record = getattr(module, f"{name.title().replace('-', '')}Config", None)
    return dataclasses.fields(record) if record else ()


def test_the_records_of_the_commands_are_found():
    without = {name for name in COMMANDS if not fields_of(name)}
    assert without == {"check", "evaluate", "report", "export", "backbones", "weights", "doctor", "worker-pool"}


@pytest.mark.parametrize("width", [30, 60, 78, 200])
@pytest.mark.parametrize("name", COMMANDS)
def test_a_line_that_is_cut_is_the_same_line_to_a_shell(name, width):
    for line, _ in command_of(name).examples:
        assert shlex.split("\n".join(broken(line, width)).replace("\\\n", "")) == shlex.split(line)
