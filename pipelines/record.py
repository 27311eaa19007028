"""Record: JSON that a posebeam wrote beside the data: which schema this one reads, and what it must say."""

from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from posebeam.pipelines.json_value import read_json, shown
from posebeam.pipelines.schema import VERSION
from posebeam.pipelines.stores.store import OF_DISKS
from posebeam.transforms.errors import DataError

Says = Mapping[str, type | tuple[type, ...]]  # names, and of which kind their values are
_FILE = {"path": str, "product": str, "split": str, "rows": int, "sha256": str}


def read_record(path: Path, says: Says) -> dict[str, Any]:
    """The record; DataError if it is damaged, of another schema, or incomplete; OSError if the disk fails."""
    try:
        record = read_json(path)
    except (OSError, ValueError) as error:
        if isinstance(error, OSError) and error.errno in OF_DISKS:
            raise
        raise DataError(f"{path} is damaged: {error}") from error
    if not isinstance(record, dict):
        raise DataError(f"{path} is damaged: it holds {shown(record)}")
    _require_schema(path, record.get("schema"))
    require(path, "", record, says)
    return record


def require_files(path: Path, files: list[Any]) -> None:
    """DataError unless each names a file of the data set, and says what one must say."""
    for number, file in enumerate(files):
        if not isinstance(file, dict):
            raise DataError(f"{path} is damaged: file {number} is {shown(file)}")
        require(path, f"file {number}: ", file, _FILE)
        name = PurePosixPath(file["path"])
        if name.is_absolute() or ".." in name.parts:
            raise DataError(
                f"{path} is damaged, or not posebeam's: it names {shown(file['path'])} outside its folder"
            )


def _require_schema(path: Path, found: Any) -> None:
    """A data set is read by the posebeams of its schema; see Formats in README."""
    if found == VERSION:
        return
    if not isinstance(found, str) or not found.isascii() or not found.isdigit() or len(found) > 9:
        raise DataError(
            f"{path} says the schema {shown(found)}, expected {VERSION}: it is damaged, or not posebeam's"
        )
    if int(found) > int(VERSION):
        raise DataError(
            f"{path} is of schema {found}, newer than the {VERSION} that this posebeam reads: install a newer "
            "posebeam (pip install --upgrade posebeam)"
        )
    raise DataError(
        f"{path} is of schema {found}, older than the {VERSION} that this posebeam reads: build it again "
        "(--overwrite), or read it with the posebeam that wrote it; CHANGELOG says what changed"
    )


def require(path: Path, where: str, record: Mapping[str, Any], says: Says) -> None:
    """DataError unless each name has a value of its kind; where is what the record stands in: "data." of a run."""
    for name, kind in says.items():
        value = record.get(name)
        if not isinstance(value, kind) or isinstance(value, bool) != (kind is bool) or value != value:
            raise DataError(
                f"{path} is damaged: {where}{name} is {shown(value)}, expected {_called(kind)}"
                if name in record
                else f"{path} is damaged: {where}it lacks {name}"
            )


def _called(kind: type | tuple[type, ...]) -> str:
    return " or ".join(each.__name__ for each in (kind if isinstance(kind, tuple) else (kind,)))
