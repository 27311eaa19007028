"""Table: the rows of a CSV or Parquet file as text, each with its place in the file."""

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from posebeam.pipelines.json_value import shown
from posebeam.transforms.errors import SourceError

SUFFIXES = (".csv", ".parquet")
_SHOWN = 20  # columns in a sentence


@dataclass(frozen=True)
class Row:
    """One row: where it stands ("clips.csv, line 7") and its cells by column, "" for an empty one."""

    where: str
    cells: Mapping[str, str]


@dataclass(frozen=True)
class Table:
    """The rows in the file's order, the columns that were read, and sentences for the user."""

    rows: tuple[Row, ...]
    columns: tuple[str, ...]
    warnings: tuple[str, ...]


def read_table(path: Path, required: Sequence[str], optional: Sequence[str] = ()) -> Table:
    """The named columns of a CSV file (commas, a header, UTF-8) or a Parquet file; cells are stripped.

    Other columns are ignored with a warning. SourceError for a required column that is not there, and for a
    file that cannot be read.
    """
    columns = _Columns(path, tuple(required), tuple(optional))
    read = _read_parquet if path.suffix.lower() == ".parquet" else _read_csv
    header, rows = read(path, columns)
    strangers = [name[:60] or "(no name)" for name in header if name not in columns.all]
    warnings = (f"{path.name}: columns that are not read: {_listed(strangers)}",) if strangers else ()
    return Table(rows, tuple(name for name in header if name in columns.all), warnings)


def _listed(names: Sequence[str]) -> str:
    """The first names of columns for a sentence: what is no table can seem to have a million."""
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {more} more" if more > 0 else "")


@dataclass(frozen=True)
class _Columns:
    """What is asked of a header."""

    path: Path
    required: tuple[str, ...]
    optional: tuple[str, ...]

    @property
    def all(self) -> tuple[str, ...]:
        return (*self.required, *self.optional)

    def check(self, header: Sequence[str]) -> None:
        """SourceError if a column is absent, or there twice."""
        absent = [name for name in self.required if name not in header]
        if absent:
            found = _listed([shown(name) for name in header]) or "none"
            raise SourceError(
                f"{self.path}: no column {', '.join(absent)}; its columns are {found}. "
                f"Expected a header with {','.join(self.required)}"
                + "".join(f"[,{name}]" for name in self.optional)
            )
        twice = sorted({name for name in header if name and header.count(name) > 1})
        if twice:
            raise SourceError(f"{self.path}: the column {twice[0][:60]} is there twice")


def _read_csv(path: Path, columns: _Columns) -> tuple[tuple[str, ...], tuple[Row, ...]]:
    # Python's reader and not Arrow's: only it tells the line of a row, whatever blank lines and quotes precede.
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            lines = _lines(file)
            header = tuple(name.strip() for name in next(lines, (0, []))[1])
            columns.check(header)
            return header, tuple(_csv_rows(path, header, lines, columns.all))
    except OSError as error:
        raise SourceError(f"{path}: {error.strerror}") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise SourceError(f"{path} is no CSV file: {error}") from None


def _lines(file: TextIO) -> Iterator[tuple[int, list[str]]]:
    """Line numbers and cells, without blank lines."""
    reader = csv.reader(file, strict=True, skipinitialspace=True)
    for cells in reader:
        if any(cell.strip() for cell in cells):
            yield reader.line_num, cells


def _csv_rows(
    path: Path, header: tuple[str, ...], lines: Iterator[tuple[int, list[str]]], wanted: Sequence[str]
) -> Iterator[Row]:
    for line, cells in lines:
        if len(cells) != len(header):
            raise SourceError(
                f"{path}, line {line}: {len(cells)} cells, the header names {len(header)} columns; a comma in a "
                'name needs quotes: "a, b.mp4"'
            )
        named = {name: cell.strip() for name, cell in zip(header, cells, strict=True) if name in wanted}
        yield Row(f"{path.name}, line {line}", named)


def _read_parquet(path: Path, columns: _Columns) -> tuple[tuple[str, ...], tuple[Row, ...]]:
    try:
        header = tuple(pq.read_schema(path).names)
        columns.check(header)
        names = [name for name in header if name in columns.all]
        table = pq.read_table(path, columns=names, partitioning=None)
        texts = {name: pc.fill_null(table[name].cast(pa.string()), "").to_pylist() for name in names}
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error}") from None
    except (pa.ArrowException, UnicodeDecodeError) as error:  # the latter at a column's name
        raise SourceError(f"{path} is no Parquet file with text columns: {error}") from None
    rows = zip(*texts.values(), strict=True)
    return header, tuple(
        Row(f"{path.name}, row {number}", dict(zip(names, map(str.strip, cells), strict=True)))
        for number, cells in enumerate(rows, 1)
    )
