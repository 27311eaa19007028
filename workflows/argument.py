"""Argument: what a person named: usage errors before anything is loaded, and what lies in an object store."""

import glob
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click


def there(folders: bool) -> Callable[[click.Context, click.Parameter, Any], Any]:
    """A click callback: each value is a file, a glob that matches something, or (if folders) a folder.

    What lies in an object store is looked at when it is listed.
    """

    def check(context: click.Context, parameter: click.Parameter, value: Any) -> Any:
        _reach_stores(context)
        for one in value if isinstance(value, tuple) else (value,):
            if _is_remote(one):
                continue
            matches = glob.has_magic(os.fspath(one)) and any(glob.iglob(os.fspath(one), recursive=True))  # noqa: PTH207
            if not matches and not os.path.lexists(one):
                what = "matches nothing" if glob.has_magic(os.fspath(one)) else "does not exist"
                raise click.BadParameter(f"Path '{one}' {what}.", context, parameter)
            if not folders and Path(one).is_dir():
                raise click.BadParameter(f"'{one}' is a folder, expected a file or a glob.", context, parameter)
        return tuple(map(_located, value)) if isinstance(value, tuple) else _located(value)

    return check


class DataSet(click.Path):
    """OUT that is read. Of one in an object store, what is named of its products is brought to the mirror, and the
    path there is the value; nothing named: all.
    """

    def __init__(self, *products: str):
        super().__init__(exists=True, file_okay=False, path_type=Path)
        self._products = products

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The folder, with files that can be read."""
        if not _is_remote(value):
            return super().convert(value, param, ctx)
        if ctx is not None:
            _reach_stores(ctx)
        return brought(value, *self._products)


class NewDataSet(click.Path):
    """OUT that is written: a folder, or the path that stands for one in an object store."""

    def __init__(self) -> None:
        super().__init__(file_okay=False, path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The folder, which need not be there."""
        return super().convert(_located(value), param, ctx)


class Subject(click.ParamType):
    """What a report is made of: a name, a folder, or OUT in an object store, all of which is brought here."""

    name = "text"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The name, or the path of the folder."""
        return str(DataSet().convert(value, param, ctx)) if _is_remote(value) else value


class Local(click.Path):
    """A run's folder or a file, which lies on this machine."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The path; a usage error for a URI, which would become a folder called gs:."""
        if _is_remote(value):
            name = param.human_readable_name if param else "path"
            self.fail(
                f"'{value}': only SOURCE and OUT may lie in an object store, {name} is of this machine.",
                param,
                ctx,
            )
        return super().convert(value, param, ctx)


def brought(named: str | os.PathLike[str], *products: str) -> Path:
    """The folder of a data set that is read. Of one in an object store the products named (nothing named: all) are
    here afterwards; DataError if nothing lies there.
    """
    from posebeam.pipelines.stores.address import address, located, uri_of
    from posebeam.pipelines.stores.held import EVERYTHING, held
    from posebeam.transforms.errors import DataError
    from posebeam.workflows.console import byte_progress

    folder = located(named)
    if uri_of(folder):
        with byte_progress(f"fetch {address(folder)}") as watch:
            files = held(folder, *(products or EVERYTHING), watch=watch)
        if not files:
            raise DataError(f"{folder}: nothing lies there")
    return folder


def _is_remote(named: Any) -> bool:
    from posebeam.pipelines.stores.address import is_remote, located, uri_of

    return is_remote(os.fspath(named)) or bool(uri_of(located(named)))


def _located(named: Any) -> Any:
    """What is remote as the path that stands for it, of the kind that it was."""
    from posebeam.pipelines.stores.address import located

    return type(named)(located(named)) if _is_remote(named) else named


def _reach_stores(context: click.Context) -> None:
    """With the flags of Beam's that stand after --, as build's workers do."""
    from posebeam.pipelines.stores.store import use

    if beam_args := context.find_root().obj:
        use(beam_args)
