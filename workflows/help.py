"""Help: how --help reads: what for, what goes in and comes out, options with defaults, examples to copy."""

import re
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import click

Example = tuple[str, str]  # a command line, and what it does
OUTPUT = "Output"  # the section that every command has


class HelpPage(click.Command):
    """A command whose --help shows where the output goes, and examples.

    sections: titles with words and what they mean; one is OUTPUT. examples: command lines, and what each does.
    """

    def __init__(
        self, *args: Any, sections: Mapping[str, Mapping[str, str]], examples: Sequence[Example], **options: Any
    ):  # fmt: skip
        super().__init__(*args, **options)
        self.sections, self.examples = sections, examples

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """What it is for, then the sections: before the options, which are long."""
        super().format_help_text(ctx, formatter)
        for title, words in self.sections.items():
            with formatter.section(title):
                formatter.write_dl(list(words.items()))

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The examples, last: that is what a terminal still shows."""
        write_examples(formatter, self.examples)


def write_examples(formatter: click.HelpFormatter, examples: Sequence[Example], title: str = "Examples") -> None:
    """Each command line as a shell takes it, at every width, below a comment that says what it does."""
    with formatter.section(title):
        width, pad = formatter.width - formatter.current_indent, " " * formatter.current_indent
        for command, does in examples:
            lines = [f"# {line}" for line in textwrap.wrap(does, width - len("# "))] + broken(command, width)
            formatter.write("".join(f"{pad}{line}\n" for line in lines))


def broken(command: str, width: int) -> list[str]:
    r"""A command line in lines of at most `width` characters, cut before flags, each but the last ending in \."""
    lines: list[str] = []
    for piece in re.split(r" (?=-)", command):
        if lines and len(lines[-1]) + len(piece) + len("  \\") <= width:
            lines[-1] += f" {piece}"
        else:
            lines.append(f"  {piece}" if lines else piece)
    return [f"{line} \\" for line in lines[:-1]] + lines[-1:]
