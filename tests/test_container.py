"""The SDK container's Dockerfile: it copies what is there, and its Beam is the one that jobs are sent with."""

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
DOCKERFILE = (ROOT / "Dockerfile").read_text()


def copied() -> set[str]:
    """The names in the checkout that the Dockerfile copies."""
    lines = re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, re.MULTILINE)
    return {name for line in lines for name in line.split()[:-1]}


def test_what_it_copies_is_there_and_reaches_the_builder():
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert copied() == allowed
    assert all((ROOT / name).exists() for name in allowed)
    assert {"transforms", "models", "pipelines", "workflows"} < allowed


def test_its_beam_is_the_one_of_the_constraints():
    (beam,) = re.findall(r"^ARG BEAM=(\S+)$", DOCKERFILE, re.MULTILINE)
    assert f"apache-beam=={beam}\n" in (ROOT / "constraints.txt").read_text()
