"""Sizes: the bytes of files and objects that a table names, without a request for each object."""

from pathlib import Path

from posebeam.pipelines.sources.stored import listed
from posebeam.pipelines.stores.address import uri_of


class Sizes:
    """Bytes by path. A store is listed below the table's folder where that holds the object, else below the
    object's own; each folder once.
    """

    def __init__(self) -> None:
        self._folders: dict[Path, dict[str, int]] = {}

    def of(self, path: Path, root: Path) -> int | None:
        """The bytes of a file, or of the object that the path stands for; None if there is none."""
        if uri_of(path):
            folder = root if uri_of(root) and path.is_relative_to(root) else path.parent
            if folder not in self._folders:
                self._folders[folder] = dict(listed(folder))
            return self._folders[folder].get(path.relative_to(folder).as_posix())
        try:
            return path.stat().st_size
        except OSError:
            return None
