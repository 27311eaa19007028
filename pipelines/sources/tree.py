"""Tree: the regular files below a folder, whatever links, locks and names stand there."""

import os
import stat
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from posebeam.pipelines.sources.stored import has_objects, objects_below
from posebeam.pipelines.stores.address import uri_of
from posebeam.transforms.errors import SourceError


@dataclass(frozen=True, order=True, slots=True)
class TreeFile:
    """One regular file: its path relative to the folder with /, and its bytes."""

    path: str
    size: int

    @property
    def parts(self) -> tuple[str, ...]:
        """The path's folders and name."""
        return tuple(self.path.split("/"))

    @property
    def name(self) -> str:
        """The file's name."""
        return self.parts[-1]


@dataclass(frozen=True)
class Tree:
    """files sorted by path; ignored are hidden, broken or no regular files, hidden folders end with /."""

    files: tuple[TreeFile, ...]
    ignored: tuple[str, ...]
    warnings: tuple[str, ...]

    @classmethod
    def of_objects(cls, objects: Iterable[tuple[str, int]]) -> "Tree":
        """Of names and sizes; hidden is what a part of the name hides."""
        files = sorted(TreeFile(name, size) for name, size in objects)
        hidden = {file for file in files if any(part.startswith(".") for part in file.parts)}
        shown = tuple(file for file in files if file not in hidden)
        return cls(shown, tuple(sorted(file.path for file in hidden)), ())


def is_folder(path: Path) -> bool:
    """Whether it is a folder, or stands for one in a store."""
    return has_objects(path) if uri_of(path) else path.is_dir()


def walk(folder: Path) -> Tree:
    """Every regular file below the folder. Links are followed, each folder is visited once. Of a folder in a store
    every object.

    SourceError if the folder itself is none or cannot be read; trouble below it becomes a warning.
    """
    if uri_of(folder):
        return Tree.of_objects(objects_below(folder))
    if not folder.is_dir():
        raise SourceError(f"{folder} is no folder: SOURCE is the folder that holds the clips")
    try:
        list(folder.iterdir())
    except OSError as error:
        raise SourceError(f"{folder} cannot be read: {error.strerror}") from None
    walker = _Walker(folder)
    walker.walk()
    return Tree(tuple(sorted(walker.files)), tuple(sorted(walker.ignored)), tuple(walker.warnings))


class _Walker:
    """Collects while it walks; a folder's identity is its device and inode, so loops of links end."""

    def __init__(self, root: Path) -> None:
        self.files: list[TreeFile] = []
        self.ignored: list[str] = []
        self.warnings: list[str] = []
        self._root = root
        self._seen: dict[tuple[int, int], str] = {}
        self._folders: deque[str] = deque()
        self._links: deque[str] = deque()

    def walk(self) -> None:
        """Real folders before links, so that a link never takes the place of what it points to."""
        self._folders.append("")
        while self._folders or self._links:
            self._visit((self._folders or self._links).popleft())

    def _visit(self, path: str) -> None:
        folder = self._root / path
        try:
            status = folder.stat()
            first = self._seen.setdefault((status.st_dev, status.st_ino), path)
            if first != path:
                same = f"{path}/ is the same folder as {first or '.'}/: its files are listed once"
                self.warnings.append(same)
                return
            names = sorted(entry.name for entry in folder.iterdir())
        except OSError as error:
            self.warnings.append(f"{path}/ cannot be read ({error.strerror}): nothing in it is listed")
            return
        for name in names:
            self._take(f"{path}/{name}" if path else name)

    def _take(self, path: str) -> None:
        """Enter one entry of a folder."""
        try:
            path.encode()
            status = (self._root / path).stat()
        except UnicodeEncodeError:
            shown = os.fsencode(path).decode(errors="backslashreplace")
            self.ignored.append(shown)
            self.warnings.append(f"{shown}: its name is no UTF-8 text, it is left out; rename it")
            return
        except OSError:  # a broken link, a loop of links
            self.ignored.append(path)
            return
        is_folder = stat.S_ISDIR(status.st_mode)
        if path.rpartition("/")[2].startswith("."):
            self.ignored.append(path + "/" * is_folder)
        elif is_folder:
            (self._links if (self._root / path).is_symlink() else self._folders).append(path)
        elif stat.S_ISREG(status.st_mode):
            self.files.append(TreeFile(path, status.st_size))
        else:
            self.ignored.append(path)
