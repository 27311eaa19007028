"""Manifest: clips as a table names them, wherever they lie; and the published subset of UCF101."""

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from posebeam.pipelines.json_value import shown
from posebeam.pipelines.listing import Listing
from posebeam.pipelines.sources.placed import SPLIT_NAMES, Placed, draw, group_of, group_pattern, group_warnings
from posebeam.pipelines.sources.sizes import Sizes
from posebeam.pipelines.sources.table import SUFFIXES, Row, Table, read_table
from posebeam.pipelines.sources.uri import locate
from posebeam.pipelines.stores.address import SCHEMES as STORES
from posebeam.pipelines.stores.address import address, is_remote, located, uri_of
from posebeam.pipelines.stores.mirror import present
from posebeam.transforms.errors import ConfigError, SourceError

REQUIRED, OPTIONAL = ("uri", "label"), ("group", "split")
SCHEMES = ("http", "https", "rtmp", "rtmps", "rtsp", "rtsps")
LAYOUT = f"a table ({' or '.join(SUFFIXES)}) with the columns uri,label[,group,split]"
SUBSET_LAYOUT = "a folder with train.csv and test.csv (columns video_name,tag) beside train/ and test/"
# Clips of UCF101 are named by what was filmed together: groups g01 to g25 of each class.
UCF101_NAME = r"(?:^|/)v_[A-Za-z0-9]+_(g\d+)_c\d+\.\w+$"
_MOST_PROBLEMS = 5
_LONGEST = {"uri": 4096, "label": 200, "group": 4096}  # letters: the first and last as paths have them


def list_clips(source: str | os.PathLike[str], *, group: str | None = None, seed: int = 0) -> Listing:
    """The clips of a table uri,label[,group,split], or of a folder in the published subset's layout.

    uri is a path (relative: to the table's folder), a URL of SCHEMES, or that of an object in a store. The clip's
    id is that relative path where it stays within the folder and prints, else outside/<digest>/<name>; so ids
    never hold `..`.
    group is what was filmed together: the column, or --group REGEX on the id, or UCF101's own gNN where a file
    is named so, or else the file itself. Either every row has a split (train, val, validation, test), or none
    has and groups are dealt 70/15/15, drawn by seed. Without validation, training takes groups of the train part.
    Files that are not there are `missing`. SourceError, with the lines, for everything else that is wrong.
    """
    path = located(source).absolute()
    root, tables = _tables(path)
    if group and any("group" in table.columns for table, _ in tables):
        raise ConfigError(f"{source} has a column group: leave --group out, or the column")
    reading = _Reading(root, re.compile(group_pattern(group) or UCF101_NAME))
    for table, split in tables:
        reading.take(table, split)
    reading.raise_problems(path)
    if not reading.placed:
        raise SourceError(_nothing(path, root, reading.missing))
    refs, told = draw(reading.placed, seed)
    warnings = [text for table, _ in tables for text in table.warnings]
    return Listing(
        refs,
        missing=tuple(sorted(reading.missing)),
        warnings=(*warnings, *group_warnings(reading.placed, group), *told),
    )


def _tables(path: Path) -> tuple[Path, list[tuple[Table, str]]]:
    """The folder that uris are relative to, and each table with the split it stands for ("": its column's)."""
    if _is_table(path):
        return path.parent, [(read_table(path, REQUIRED, OPTIONAL), "")]
    found = [name for name in SPLIT_NAMES if present(path / f"{name}.csv").is_file()]
    if not found:
        raise SourceError(f"{path}: expected {LAYOUT}, or {SUBSET_LAYOUT}")
    tables = []
    for name in found:
        table = read_table(path / f"{name}.csv", ("video_name", "tag"))
        rows = tuple(
            Row(row.where, {"uri": _below(name, row.cells["video_name"]), "label": row.cells["tag"]})
            for row in table.rows
        )
        tables.append((Table(rows, REQUIRED, table.warnings), name))
    return path, tables


def _is_table(path: Path) -> bool:
    """Whether SOURCE is a table, and not the folder of two; fetched if it lies in a store."""
    if uri_of(path):  # a folder of clips is not fetched to see what it is
        return path.suffix.lower() in SUFFIXES and present(path).is_file()
    return path.is_file()


def _below(folder: str, name: str) -> str:
    return f"{folder}/{name}" if name else ""


def _nothing(path: Path, root: Path, missing: Sequence[str]) -> str:
    if not missing:
        return f"{path}: no row below the header, expected {LAYOUT}"
    first = missing[0][:200]
    return f"{path}: none of its {len(missing):,} clips is there (first: {first}); uris count from {root}"


@dataclass
class _Reading:
    """Rows on their way to clips; what is wrong is collected, so that it can be mended at once."""

    root: Path
    pattern: re.Pattern[str]
    placed: list[Placed] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    _problems: list[str] = field(default_factory=list)
    _seen: dict[str, str] = field(default_factory=dict)
    _sizes: Sizes = field(default_factory=Sizes)

    def take(self, table: Table, split: str) -> None:
        """Take in a table whose rows are of that split, or ("") say their own."""
        whole = "split" in table.columns and any(row.cells["split"] for row in table.rows)
        for row in table.rows:
            own = split or row.cells.get("split", "")
            problems = list(_row_problems(row, own, whole))
            if not problems:
                uri, clip_id = locate(row.cells["uri"], self.root)
                problems = [*self._again(row, uri, clip_id), *self._astray(row, uri)]
            if problems:
                self._problems += [f"{row.where}: {problem}" for problem in problems]
            else:
                self._place(row, uri, clip_id, SPLIT_NAMES.get(own.lower(), ""))

    def _again(self, row: Row, uri: str, clip_id: str) -> Iterator[str]:
        """The same clip twice, under whatever name: links are followed."""
        real = uri if "://" in uri else os.path.realpath(uri)
        first = self._seen.setdefault(real, row.where)
        if first != row.where:
            yield f"{clip_id[:200]} stands in {first} already"

    def _astray(self, row: Row, uri: str) -> Iterator[str]:
        """Out of a store on to the disk of this machine, by as many .. as it takes."""
        relative = "://" not in uri and not located(row.cells["uri"]).is_absolute()
        if relative and uri_of(self.root) and not uri_of(uri):
            yield f"{row.cells['uri']!r} leads out of the store"

    def _place(self, row: Row, uri: str, clip_id: str, split: str) -> None:
        size = 0
        if "://" not in uri:
            found = self._sizes.of(Path(uri), self.root)
            if found is None:
                self.missing.append(row.cells["uri"] if row.cells["uri"].isprintable() else clip_id)
                return
            size, uri = found, address(uri)
        group = row.cells.get("group") or group_of(clip_id, self.pattern)
        self.placed.append(Placed(uri, clip_id, row.cells["label"], group, split, size))

    def raise_problems(self, path: Path) -> None:
        """SourceError with the first problems, if there are any."""
        if self._problems:
            more = len(self._problems) - _MOST_PROBLEMS
            shown = "\n  ".join(self._problems[:_MOST_PROBLEMS]) + (f"\n  and {more} more" if more > 0 else "")
            raise SourceError(f"{path}: rows that cannot be used:\n  {shown}")


def _row_problems(row: Row, split: str, whole: bool) -> Iterator[str]:
    """What is wrong with a row by itself; whole: every row must have a split."""
    uri, label = row.cells["uri"], row.cells["label"]
    if not uri:
        yield "no uri"
    elif "\0" in uri:
        yield f"the uri {shown(uri)} holds a zero byte"
    elif is_remote(uri):
        yield from _address_problems(uri)
    elif "://" in uri and uri.partition("://")[0].lower() not in SCHEMES:
        yield f"{shown(uri)} is of no kind that is read: a path, or {', '.join((*STORES, *SCHEMES))}"
    for name, most in _LONGEST.items():
        if len(text := row.cells.get(name, "")) > most:
            yield f"a {name} of {len(text):,} letters, expected at most {most:,}"
    if not label:
        yield "no label"
    elif not label.isprintable():
        yield f"the label {shown(label)} holds characters that do not print"
    if split and split.lower() not in SPLIT_NAMES:
        yield f"split {shown(split)}, expected one of {', '.join(SPLIT_NAMES)}"
    if whole and not split:
        yield "no split, but other rows have one: give it for all or for none"


def _address_problems(uri: str) -> Iterator[str]:
    try:
        located(uri)
    except ConfigError as error:
        yield str(error)
