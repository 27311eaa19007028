"""Configuration: defaults < file < flags, checked wherever it comes from."""

from dataclasses import dataclass

import click
import pytest
from click.testing import CliRunner

from posebeam.transforms.errors import ConfigError
from posebeam.workflows.config import as_toml, flags, option, resolve


@dataclass(frozen=True)
class Tea:
    """A record for the tests."""

    kind: str = option("green", "What kind.", ("green", "black"))
    minutes: float = option(3.0, "How long.")
    cups: int = option(1, "How many.")
    milk: bool = option(False, "With milk.")
    note: str = option("", "A note.")


def written(path, text):
    path.write_text(text)
    return path


def test_flags_override_the_file_and_the_file_the_defaults(tmp_path):
    config = written(tmp_path / "tea.toml", 'kind = "black"\nminutes = 4\n')
    assert resolve(Tea, config, {"minutes": 5.0, "cups": None}) == Tea("black", 5.0, 1, False)
    assert resolve(Tea, None, {}) == Tea()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("sugar = 1", "sugar"),
        ('cups = "two"', "expected int"),
        (f"cups = {'[' * 30_000}", "no TOML file"),
        ("cups = true", "expected int"),
        ('kind = "red"', "green, black"),
        ("cups = ", "TOML"),
    ],
)
def test_a_wrong_file_is_told_apart(tmp_path, text, says):
    with pytest.raises(ConfigError, match=says):
        resolve(Tea, written(tmp_path / "tea.toml", text), {})


def test_what_is_written_can_be_read(tmp_path):
    tea = Tea("black", 2.5, 3, True, 'a "quoted" \\ note')
    assert resolve(Tea, written(tmp_path / "tea.toml", as_toml(tea)), {}) == tea


def test_every_field_is_a_flag_with_its_default_shown():
    @click.command()
    @flags(Tea)
    def brew(config, **given):
        click.echo(as_toml(resolve(Tea, config, given)))

    said = CliRunner().invoke(brew, ["--kind", "black", "--milk", "--cups", "2"])
    assert 'kind = "black"' in said.output
    assert "milk = true" in said.output
    text = CliRunner().invoke(brew, ["--help"]).output
    assert all(f"--{name}" in text for name in ("kind", "minutes", "cups", "milk", "note", "config"))
    assert "[default: 3]" in text
    assert CliRunner().invoke(brew, ["--kind", "red"]).exit_code == 2
