"""Pattern: the files that a name or a glob stands for."""

import glob
import os
import stat
from dataclasses import dataclass
from pathlib import Path

from posebeam.pipelines.sources.stored import matching, object_size
from posebeam.pipelines.sources.tree import Tree, TreeFile
from posebeam.pipelines.stores.address import uri_of
from posebeam.transforms.errors import SourceError


@dataclass(frozen=True)
class Matched:
    """What a pattern found: the folder above its first * ? [, and the files below it."""

    root: Path
    tree: Tree


def is_pattern(source: str | os.PathLike[str]) -> bool:
    """Whether it stands for other files: holds * ? or [ and is no file or folder itself."""
    return glob.has_magic(os.fspath(source)) and not os.path.lexists(source)


def match(source: str | os.PathLike[str]) -> Matched:
    """The regular files of one name, or of a glob (* ? [abc], ** for folders of any depth).

    Hidden files are matched only by a pattern that names their dot, as in a shell. Folders, broken links and
    names that are no UTF-8 text are `ignored`. SourceError if nothing is there. So with objects in a store.
    """
    if uri_of(source):
        return _stored(Path(source))
    text = os.path.abspath(source)  # noqa: PTH100  resolves no links, keeps the user's names
    found = sorted(glob.glob(text, recursive=True)) if is_pattern(source) else [text]  # noqa: PTH207
    if not found or not os.path.lexists(found[0]):
        what = "matches no file" if is_pattern(source) else "is no file and no folder"
        raise SourceError(f"{os.fspath(source)!r} {what}")
    root = _root(text) if is_pattern(source) else Path(text).parent
    return Matched(root, _tree(root, found))


def _stored(path: Path) -> Matched:
    if is_pattern(path):
        root, objects = matching(path)
        return Matched(root, Tree.of_objects(objects))
    return Matched(path.parent, Tree((TreeFile(path.name, object_size(path)),), (), ()))


def _root(pattern: str) -> Path:
    """The longest leading folder without a wildcard."""
    parts = Path(pattern).parts
    first = next(number for number, part in enumerate(parts) if glob.has_magic(part))
    return Path(*parts[:first])


def _tree(root: Path, found: list[str]) -> Tree:
    files: list[TreeFile] = []
    ignored: list[str] = []
    warnings: list[str] = []
    for path in found:
        name = Path(path).relative_to(root).as_posix()
        try:
            name.encode()
            status = Path(path).stat()
        except UnicodeEncodeError:
            name = os.fsencode(name).decode(errors="backslashreplace")
            warnings.append(f"{name}: its name is no UTF-8 text, it is left out; rename it")
            ignored.append(name)
        except OSError:  # a broken link, a loop of links
            ignored.append(name)
        else:
            if stat.S_ISREG(status.st_mode):
                files.append(TreeFile(name, status.st_size))
            else:
                ignored.append(name + "/" * stat.S_ISDIR(status.st_mode))
    return Tree(tuple(files), tuple(ignored), tuple(warnings))
