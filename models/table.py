"""Table: the rows of backbones.toml, read and checked."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any

from posebeam.models.row import Published, Row, Weights
from posebeam.transforms.errors import ConfigError


@cache
def rows() -> tuple[Row, ...]:
    """All backbones, in the table's order."""
    return read_rows(resources.files("posebeam.models").joinpath("backbones.toml").read_text())


def read_rows(table: str) -> tuple[Row, ...]:
    """Rows from the text of a table; ConfigError at a column that is unknown, missing or wrong."""
    found = tuple(read_row(name, facts) for name, facts in tomllib.loads(table).items())
    for each in found:
        if each.detector and each.detector not in {other.name for other in found}:
            raise ConfigError(f"backbone {each.name}: its detector {each.detector!r} is not in the table")
    return found


def read_row(name: str, facts: Mapping[str, Any]) -> Row:
    """One row from its columns; ConfigError at a column that is unknown, missing or wrong."""
    facts = dict(facts)
    try:
        decoder, weights = facts.pop("decoder", {}), facts.pop("weights", None)
        return Row(
            name,
            input=tuple(facts.pop("input")),
            decoders=decoder if isinstance(decoder, dict) else {"": decoder},
            weights=Weights(**weights) if weights else None,
            published=tuple(Published(**each) for each in facts.pop("published", ())),
            **facts,
        )
    except (TypeError, KeyError) as error:
        raise ConfigError(f"backbone {name}: {error}; expected the columns of models/row.py") from error
