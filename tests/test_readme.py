"""README keeps its word: commands parse, examples that shipped videos can serve run, targets and files are there.

Whatever README says, a failure names its line. A command of a block runs where its inputs are there: videos/ and
clip.mp4 are made of tests/media, out/ of what README ran before. All others, and those between words, are held
against the real options. Examples in Python all run.
"""

import re
import runpy
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click
import cv2
import pytest

from posebeam.workflows.cli import COMMANDS, cli, run

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SMALL = {"--limit": "6", "--epochs": "1", "--workers": "1"}  # what takes the place of README's numbers
APART = {"weights", "worker-pool"}  # they fetch, or run until they are ended
CLIPS = ("wave/anna_01.mp4", "wave/anna_02.mp4", "wave/ben_01.mov", "jump/anna_01.mp4", "jump/ben_01.mp4")
FRAMES = 36


@dataclass(frozen=True)
class Said:
    """Something in README's code: its text, its line, and the line of the block that it stands in; 0: in none."""

    text: str
    line: int
    block: int

    def __str__(self) -> str:
        return f"README.md:{self.line}: {self.text}"


def line_of(position: int) -> int:
    return README.count("\n", 0, position) + 1


def code() -> Iterator[Said]:
    """Lines of blocks, as a shell joins them, and code between words, in README's order."""
    found = []
    for fence in FENCE.finditer(README):
        first, text = line_of(fence.start(2)), fence[2].replace("\\\n", "\0\0")
        for offset, line in enumerate(text.split("\n")):
            before = text.split("\n")[:offset]
            number = first + offset + sum(each.count("\0\0") for each in before)
            found.append(Said(line.replace("\0\0", " "), number, first))
    prose = FENCE.sub(lambda fence: re.sub(r"[^\n]", " ", fence[0]), README)
    for span in re.finditer(r"`([^`]+)`", prose):
        found.append(Said(" ".join(span[1].split()), line_of(span.start()), 0))
    yield from sorted(found, key=lambda said: said.line)


CODE = list(code())
SAID = [said for said in CODE if re.match(r"\$? ?posebeam [a-z]", said.text)]
PYTHON = [Said(fence[2], line_of(fence.start(2)), 1) for fence in FENCE.finditer(README) if fence[1] == "python"]


def words(said: Said) -> list[str]:
    """The words after posebeam, without comment and what is the shell's or Beam's."""
    every = [word for word in shlex.split(said.text.lstrip("$ "), comments=True) if word != "..."][1:]
    return every[: next((i for i, word in enumerate(every) if word in ("--", ">", "|", "&&")), len(every))]


def options(name: str) -> list[click.Parameter]:
    command = cli.get_command(click.Context(cli), name)
    return command.params if command else []


@pytest.mark.parametrize("said", SAID, ids=lambda said: str(said.line))
def test_a_command_parses(said, parse_command):
    abridged = "..." in said.text or (not said.block and len([w for w in words(said) if w[0] != "-"]) == 1)
    line = said.text.lstrip("$ ").replace(" ...", "")
    kinds = next((each.type.choices for each in options(words(said)[0]) if each.name == "kind"), [""])
    try:
        parse_command(re.sub(r"\bKIND\b", kinds[0], line))
    except click.MissingParameter as error:
        if not abridged:
            pytest.fail(f"{said}\n{error.format_message()}")
    except click.ClickException as error:
        pytest.fail(f"{said}\n{error.format_message()}")


def test_a_flag_that_stands_alone_is_some_commands():
    known = {name for command in COMMANDS for option in options(command) for name in option.opts}
    known |= {name for command in COMMANDS for option in options(command) for name in option.secondary_opts}
    for said in CODE:
        if not said.block and re.match(r"--[a-z]", said.text):
            ours = [flag for flag in re.findall(r"(?<!\S)--[a-z][a-z0-9_-]*", said.text) if "_" not in flag]
            beams = "runner" in said.text
            assert beams or set(ours) <= known, f"{said}: no command has {sorted(set(ours) - known)}"


def test_every_target_of_make_is_there():
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for said in CODE:
        for target in re.findall(r"^make ([a-z]+)", said.text):
            assert target in targets, str(said)


def test_every_picture_and_link_to_a_file_is_there():
    for link in re.finditer(r"\]\(([^)#:]+)\)", README):
        assert (ROOT / link[1]).exists(), f"README.md:{line_of(link.start())}: {link[1]} is not there"


def shorten(source: Path, target: Path) -> None:
    """The first frames of a video, as a small one."""
    target.parent.mkdir(parents=True, exist_ok=True)
    capture = cv2.VideoCapture(str(source))
    writer = cv2.VideoWriter(str(target), cv2.VideoWriter_fourcc(*"mp4v"), 25.0, (320, 240))
    for _ in range(FRAMES):
        writer.write(cv2.resize(capture.read()[1], (320, 240)))
    writer.release()


@pytest.fixture(scope="module")
def videos(media, tmp_path_factory) -> Path:
    """videos/ as README draws it, of shipped clips, with shipped names beside."""
    folder = tmp_path_factory.mktemp("readme") / "videos"
    shipped = sorted((media / "actions").glob("*/*.mp4"))
    for name, source in zip(CLIPS, shipped, strict=False):
        shorten(source, folder / name)
    for source in shipped[-3:]:
        shorten(source, folder / source.parent.name / source.name)
    return folder


@pytest.fixture
def place(videos, tmp_path, monkeypatch) -> Path:
    """An empty folder with videos/ and clip.mp4, to which commands write."""
    (tmp_path / "videos").symlink_to(videos)
    (tmp_path / "clip.mp4").symlink_to(videos / CLIPS[0])
    monkeypatch.chdir(tmp_path)
    return tmp_path


def small(argv: list[str]) -> list[str]:
    """The same command with small numbers, so that it ends in seconds."""
    known = {name for option in options(argv[0]) for name in option.opts}
    for flag in SMALL.keys() & known:
        if flag in argv:
            argv = [*argv[: argv.index(flag)], *argv[argv.index(flag) + 2 :]]
        argv = [*argv, flag, SMALL[flag]]
    return argv


def takes_what_is_there(argv: list[str], said: Said) -> bool:
    """Whether the inputs of a command are there: a folder, a file, a run; and it wants no other machine."""
    elsewhere = "cuda" in argv or " -- " in said.text or "://" in said.text
    if argv[0] in APART or "..." in said.text or elsewhere:
        return False
    try:
        context = cli.get_command(click.Context(cli), argv[0]).make_context(argv[0], argv[1:].copy())
    except (click.ClickException, click.exceptions.Exit):  # --help leaves by one
        return False
    run_folders = [context.params.get(name) or "" for name in ("backbone", "detector", "init")]
    return all("/" not in name or Path(name).exists() for name in run_folders)


def run_it(argv: list[str]) -> int:
    """The exit code; what stands there in another configuration gives way."""
    result = run(argv)
    overwritable = any("--overwrite" in option.opts for option in options(argv[0]))
    return run([*argv, "--overwrite"]) if result and overwritable else result


def test_commands_run_one_after_another(place, capsys):
    ran, left_out = [], {0}  # what stands between words is only parsed
    for said in SAID:
        if said.block in left_out:
            continue
        argv = words(said)
        if not takes_what_is_there(argv, said):
            left_out.add(said.block)  # what follows it in its block builds on it
            continue
        result = run_it(small(argv))
        assert result == 0, f"{said}\nexit code {result}: {capsys.readouterr().err[-2000:]}"
        ran.append(argv[0])
    assert {"run", "build", "train", "evaluate", "predict"} <= set(ran)


@pytest.mark.parametrize("said", PYTHON, ids=lambda said: str(said.line))
def test_an_example_in_python_runs(said, place):
    if "posebeam.build(" not in said.text:  # it looks at what the commands made
        assert run(small(["build", "videos", "videos", "out/data", "--chain", "act-window"])) == 0
    exec(compile("\n" * (said.line - 1) + said.text, "README.md", "exec"), {"__name__": "readme"})


def test_the_picture_is_what_its_program_makes(media, tmp_path):
    runpy.run_path(str(media / "picture.py"))["main"](tmp_path / "readme.jpg")
    made, shipped = (cv2.imread(str(folder / "readme.jpg")).astype(int) for folder in (tmp_path, media))
    assert made.shape == shipped.shape
    assert abs(made - shipped).mean() < 4  # letters may be another version's
    assert (media / "readme.jpg").stat().st_size < 200_000
