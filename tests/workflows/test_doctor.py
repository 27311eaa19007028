"""posebeam doctor: well where all is there, and exact about what is broken."""

import dataclasses
import json
import shutil
from collections import namedtuple
from importlib import metadata

import pytest

from posebeam.models import registry
from posebeam.workflows import doctor
from posebeam.workflows.cli import run
from posebeam.workflows.finding import ABSENT, BROKEN, FINE, Finding


def broken(look):
    """The broken findings of one look, as text with advice."""
    return [f"{each.found} | {each.advice}" for each in doctor._looked(look) if each.state == BROKEN]


def test_a_healthy_installation_is_well_on_one_screen(capsys):
    assert run(["doctor", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    findings = [Finding(**each) for each in told["findings"]]
    assert told["well"]
    assert len(findings) <= 20
    found = {each.what: each for each in findings}
    assert found["posebeam"].found.startswith(metadata.version("posebeam"))
    assert "movenet-lightning" in found["weights"].found
    assert {each.state for each in findings} <= {FINE, ABSENT}
    assert all(each.advice for each in findings if each.state == ABSENT and each.what != "cuda")


def test_what_is_broken_is_named_with_what_to_do(monkeypatch, capsys):
    looks = (lambda: iter([Finding("disk", "full", BROKEN, "make room")]),)
    monkeypatch.setattr(doctor, "LOOKS", looks)
    assert run(["doctor"]) == 1
    printed = capsys.readouterr().err
    assert "disk: make room" in printed
    assert "1 broken" in printed


def test_damaged_weights_are_found(monkeypatch):
    row = registry.row("movenet-lightning")
    other = dataclasses.replace(row, weights=dataclasses.replace(row.weights, sha256="0" * 64))
    monkeypatch.setattr(registry, "rows", lambda: (other,))
    (said,) = broken(doctor._weights)
    assert "expected " + "0" * 64 in said
    assert "reinstall" in said


def test_packages_that_are_missing_or_too_old_are_found(monkeypatch):
    lines = ["posebeam-needs-this>=3", "numpy>=99", "click>=1", 'pytest>=999; extra == "dev"']
    monkeypatch.setattr(metadata, "requires", lambda _: lines)
    (said,) = broken(doctor._packages)
    assert "posebeam-needs-this is missing; numpy" in said
    assert "pip install 'posebeam-needs-this>=3' 'numpy>=99'" in said


def test_an_import_that_fails_is_a_finding(monkeypatch):
    def look():
        """decoders: of no use."""
        raise ImportError("libGL.so.1: cannot open shared object file")
        yield

    assert "libGL.so.1" in broken(look)[0]
    assert next(doctor._looked(look)).what == "decoders"


@pytest.mark.parametrize("place", ["a file", "a full disk"])
def test_a_place_that_cannot_be_used_is_found(place, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("POSEBEAM_CACHE", str(tmp_path / ("file/cache" if place == "a file" else "")))
    usage = namedtuple("usage", "total used free")(10**12, 10**12, 10**6)
    monkeypatch.setattr(shutil, "disk_usage", (lambda _: usage) if place == "a full disk" else shutil.disk_usage)
    assert any("POSEBEAM_CACHE" in said for said in broken(doctor._weights))
