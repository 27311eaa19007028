"""Argument: a file, a folder or a quoted glob that a person named; usage errors before anything is loaded."""

import glob
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click


def there(folders: bool) -> Callable[[click.Context, click.Parameter, Any], Any]:
    """A click callback: each value is a file, a glob that matches something, or (if folders) a folder."""

    def check(context: click.Context, parameter: click.Parameter, value: Any) -> Any:
        for one in value if isinstance(value, tuple) else (value,):
            matches = glob.has_magic(os.fspath(one)) and any(glob.iglob(os.fspath(one), recursive=True))  # noqa: PTH207
            if not matches and not os.path.lexists(one):
                what = "matches nothing" if glob.has_magic(os.fspath(one)) else "does not exist"
                raise click.BadParameter(f"Path '{one}' {what}.", context, parameter)
            if not folders and Path(one).is_dir():
                raise click.BadParameter(f"'{one}' is a folder, expected a file or a glob.", context, parameter)
        return value

    return check
