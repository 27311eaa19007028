"""Check 8, archives: the one kind that is read, MPOSE2021's npz, with what must not get out of it or run."""

import io
import pickle
import tempfile
import zipfile
from pathlib import Path

import numpy as np
import pytest

from posebeam.pipelines.sources.mpose import read_mpose
from posebeam.transforms.errors import SourceError


class Trap:
    """What touches a file when it is unpickled."""

    def __reduce__(self):
        return Path.touch, (Path("executed"),)


def packed(member: str, content: bytes) -> bytes:
    """An archive of one member, by whatever name."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(member, content)
    return file.getvalue()


def saved(value: object) -> bytes:
    file = io.BytesIO()
    np.save(file, value, allow_pickle=True)
    return file.getvalue()


OUTSIDE = Path(tempfile.gettempdir()).absolute() / "posebeam-escaped.npy"
ZEROS = packed("X_train.npy", saved(np.zeros(3000)))
ARCHIVES = {
    "code in an array": packed("X_train.npy", saved(np.array([Trap()], dtype=object))),
    "a member outside": packed("../../escaped.npy", saved(np.zeros(3))),
    "an absolute member": packed(str(OUTSIDE), saved(np.zeros(3))),
    "no array": packed("X_train.npy", b"no array"),
    "truncated": ZEROS[:-9],
    "changed": ZEROS[:60] + b"####" + ZEROS[64:],
    "empty": b"",
    "a pickle": pickle.dumps(Trap()),
}


@pytest.mark.parametrize("kind", ARCHIVES)
def test_hostile_archives_are_refused(kind, tmp_path, monkeypatch):
    """numpy unpickles arrays of objects if it may; an archive that is unpacked writes where its members say."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "mpose.npz"
    path.write_bytes(ARCHIVES[kind])
    with pytest.raises(SourceError, match=r"mpose\.npz"):
        read_mpose(path)
    assert list(tmp_path.iterdir()) == [path]
    assert not list(tmp_path.parent.parent.glob("escaped*"))
    assert not OUTSIDE.exists()
