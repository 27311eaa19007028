"""Check 7: checkpoints that are broken, made for something else, or hold code. All refused, nothing executed."""

import argparse
import io
import os
import pickle
import random
import struct
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
import torch
from safetensors.torch import save

from posebeam.models.checkpoint import read
from posebeam.models.registry import DEFAULT, build_network, load_estimator, row
from posebeam.models.weights import locate
from posebeam.transforms.errors import WeightsError

State = dict[str, torch.Tensor]
MOST_MB = 300  # of memory that a refusal may take: a bomb is not unpacked


class Trap:
    """What writes a file when it is unpickled, each way by another function."""

    def __init__(self, way: str, mark: Path):
        self.way, self.mark = way, str(mark)

    def __reduce__(self):
        return {
            "system": (os.system, (f"touch {self.mark}",)),
            "exec": (exec, (f"open({self.mark!r}, 'w').close()",)),
            "eval": (eval, (f"__import__('pathlib').Path({self.mark!r}).touch()",)),
            "open": (open, (self.mark, "w")),
            "getattr": (getattr, (argparse.Namespace(mark=self.mark), "mark")),
        }[self.way]


def torch_file(content: object, **options: object) -> bytes:
    file = io.BytesIO()
    torch.save(content, file, **options)
    return file.getvalue()


def rezipped(content: bytes, change: Callable[[str, bytes], bytes]) -> bytes:
    """A torch file whose members are changed by name; packed, as torch itself never does."""
    source, target = zipfile.ZipFile(io.BytesIO(content)), io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in source.namelist():
            archive.writestr(name, change(name, source.read(name)))
    return target.getvalue()


def bomb(state: State) -> bytes:
    """A good checkpoint with 64 MB of zeros behind its pickle, packed into 64 KB; the next one has terabytes."""
    return rezipped(torch_file(state), lambda name, data: data + bytes(64 << 20) if "data.pkl" in name else data)


def promise(state: State) -> bytes:
    """A tensor whose storage is said to hold 2^40 numbers."""
    big = 2**40
    content = torch_file({"weight": torch.zeros(4)})
    return rezipped(
        content,
        lambda name, data: (
            data.replace(b"K\x04", b"\x8a\x06" + big.to_bytes(6, "little")) if "pkl" in name else data
        ),
    )


def written_by_hand(state: State, mark: Path) -> bytes:
    """Protocol 0, as tutorials on the matter show it."""
    return f"cos\nsystem\n(S'touch {mark}'\ntR.".encode()


KINDS: dict[str, tuple[str, Callable[[State, Path], bytes]]] = {
    "empty": ("pth", lambda state, mark: b""),
    "text": ("pth", lambda state, mark: b"Not Found\n"),
    "truncated torch": ("pth", lambda state, mark: torch_file(state)[:-20_000]),
    "truncated safetensors": ("safetensors", lambda state, mark: save(state)[:-20_000]),
    "head of safetensors too long": (
        "safetensors",
        lambda state, mark: struct.pack("<Q", 2**62) + save(state)[8:],
    ),
    "other keys": ("safetensors", lambda state, mark: save({f"net.{key}": value for key, value in state.items()})),
    "other shapes": ("pth", lambda state, mark: torch_file({key: value[:1] for key, value in state.items()})),
    "no tensors": ("pth", lambda state, mark: torch_file(dict.fromkeys(state, "zero"))),
    "a list": ("pth", lambda state, mark: torch_file(list(state.values()))),
    "a whole network": ("pth", lambda state, mark: torch_file(build_network(DEFAULT))),
    "code in torch": ("pth", lambda state, mark: torch_file({**state, "x": Trap("system", mark)})),
    "code in old torch": (
        "pt",
        lambda state, mark: torch_file(
            {"state_dict": state, "x": Trap("exec", mark)}, _use_new_zipfile_serialization=False
        ),
    ),
    "code in a pickle": ("ckpt", lambda state, mark: pickle.dumps(Trap("eval", mark))),
    "code by hand": ("pkl", written_by_hand),
    "code called safetensors": ("safetensors", lambda state, mark: pickle.dumps(Trap("open", mark))),
    "code beside a namespace": (
        "pth",
        lambda state, mark: torch_file({"state_dict": state, "args": argparse.Namespace(x=Trap("getattr", mark))}),
    ),
    "bomb": ("pth", lambda state, mark: bomb(state)),
    "promise of terabytes": ("pth", lambda state, mark: promise(state)),
}


@pytest.fixture(scope="module")
def state() -> State:
    return build_network(DEFAULT).state_dict()


def refused(path: Path) -> str:
    """What is said of a checkpoint that must not be taken."""
    with pytest.raises(WeightsError) as caught:
        load_estimator(DEFAULT, device="cpu", weights=path)
    return str(caught.value)


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
def test_bad_checkpoints_are_refused_and_nothing_is_run(state, tmp_path, figure):
    """torch.load without weights_only would run every trap, and torch unpacks a bomb."""
    for kind, (suffix, make) in KINDS.items():
        path, mark = tmp_path / f"{kind}.{suffix}", tmp_path / f"executed_{kind.replace(' ', '_')}"
        path.write_bytes(make(state, mark))
        before = psutil.Process().memory_info().rss
        said = refused(path)
        assert str(path) in said
        assert "\n" not in said, kind
        assert psutil.Process().memory_info().rss - before < MOST_MB << 20, kind
    wrong = replace(row(DEFAULT).weights, sha256="0" * 64)
    with pytest.raises(WeightsError, match="expected 0000"):
        locate(DEFAULT, wrong)
    assert list(tmp_path.glob("executed*")) == []
    figure(
        "7 bad checkpoints", f"{len(KINDS) + 1} kinds refused, {sum('code' in kind for kind in KINDS)} with code "
        "in them: nothing executed", kinds=[*KINDS, "other hash"],
    )  # fmt: skip


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
def test_changed_bytes_are_an_error_that_says_so_or_nothing(size, tmp_path, figure):
    """Torch raises whatever it runs into in a damaged file: KeyError, AssertionError, TypeError, ..."""
    small = {"weight": torch.arange(6.0).reshape(2, 3), "bias": torch.ones(2)}
    files = {
        "new.pth": torch_file(small),
        "old.pth": torch_file(small, _use_new_zipfile_serialization=False),
        "a.safetensors": save(small),
    }
    dice, told, wanted = random.Random(7), 0, size("checkpoints")["damaged"]
    for number in range(wanted):
        name, content = list(files.items())[number % 3]
        damaged = bytearray(content)
        for _ in range(dice.choice((1, 3, 10))):
            damaged[dice.randrange(len(damaged))] = dice.randrange(256)
        (tmp_path / name).write_bytes(damaged)
        try:
            read(tmp_path / name)
        except WeightsError:
            told += 1
    assert told > wanted / 2
    figure(
        "7 damaged checkpoints", f"{wanted:,} with changed bytes: {told:,} told, the others still tensors",
        damaged=wanted, told=told,
    )  # fmt: skip
