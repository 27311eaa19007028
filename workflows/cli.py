"""The command line: posebeam COMMAND, each command in a file of its own, loaded when it is called."""

import errno
import inspect
import logging
import sys
from collections.abc import Sequence
from importlib import import_module
from keyword import iskeyword

import click

from posebeam.pipelines.stores.address import spoken
from posebeam.transforms.errors import ConfigError, PosebeamError
from posebeam.workflows.help import write_examples

# The one place of names and one-line helps: --help must not import what the commands need.
GROUPS = {
    "All at once": {
        "run": "Own videos to a trained model in one command: build, train, evaluate, overlay.",
    },
    "Make data": {
        "build": "Videos or images to poses and windows, in Parquet shards.",
        "windows": "Windows again from stored poses, by another rule.",
        "import": "What other programs made: AcT's weights, poses of OpenPose, PYSKL, MPOSE2021, COCO results.",
        "check": "Verify a data set: hashes, schema, sums, leaks.",
    },
    "Train and measure": {
        "train": "Train an action model on a data set.",
        "evaluate": "Measure a trained model on a data set.",
        "train-pose": "Train a pose backbone on images with people.",
        "pretrain": "Pre-train a pose backbone's trunk on images without labels (DINO).",
        "coco-eval": "COCO's AP and AR of a backbone, or of results, against annotated people.",
    },
    "Use and look": {
        "predict": "Say what happens in videos, with a trained model.",
        "report": "Runs side by side, and what is in a data set: in the terminal, as JSON, as one page.",
        "overlay": "Stored poses drawn on the video they come from.",
        "explain": "Pictures of what the networks look at.",
        "export": "A model as one file: .onnx, .safetensors; a data set's poses: .pkl (PYSKL), .json (COCO).",
    },
    "Facts and set-up": {
        "backbones": "List the pose backbones, or one's facts.",
        "weights": "A backbone's published weights: fetch, verify, convert.",
        "doctor": "Look whether this installation can do its work: versions, devices, decoders, weights, engines.",
        "worker-pool": "Python workers for Spark or Flink on clusters without containers.",
    },
}
COMMANDS = {name: text for group in GROUPS.values() for name, text in group.items()}

EXAMPLES = (
    ("posebeam run videos out", "videos/<label>/* to data, a model, its figures and an overlay, all below out"),
    ("posebeam predict out/model new.mp4", "what that model says of another video"),
    ("posebeam build --help", "what a command is for, where it writes, its flags, their defaults, examples"),
)
COMPLETION = (
    ('eval "$(_POSEBEAM_COMPLETE=bash_source posebeam)"', "bash: a line of ~/.bashrc"),
    ('eval "$(_POSEBEAM_COMPLETE=zsh_source posebeam)"', "zsh: a line of ~/.zshrc"),
    ("_POSEBEAM_COMPLETE=fish_source posebeam > ~/.config/fish/completions/posebeam.fish", "fish: once"),
)


class LazyGroup(click.Group):
    """A group whose commands are imported when they are asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The commands, in the order in which one meets them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """Import one command."""
        if name not in COMMANDS:
            return None
        module = f"{name}_" if iskeyword(name) else name.replace("-", "_")
        command: click.Command = import_module(f"posebeam.workflows.commands.{module}").command
        command.help = f"{COMMANDS[name]}\n\n{inspect.getdoc(command.callback) or ''}"
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of --help, without importing a command; the groups' texts stand in one column."""
        longest = max(map(len, COMMANDS))
        for title, commands in GROUPS.items():
            with formatter.section(title):
                formatter.write_dl([(name.ljust(longest), text) for name, text in commands.items()])

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """What one meets first, and how the shell learns the rest."""
        write_examples(formatter, EXAMPLES)
        write_examples(formatter, COMPLETION, "Shell completion")


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="posebeam")
def cli() -> None:
    """Videos and images to pose data sets that train action models.

    What stands after -- is Apache Beam's, for example: posebeam build ... -- --runner=FlinkRunner

    Exit codes: 0 done, 1 failed, 2 usage, 3 done with more rejects than allowed.
    """


def main(argv: Sequence[str] | None = None) -> None:
    """Entry point. Exit codes: 0 done, 1 failed, 2 usage, 3 done with rejects above the limit."""
    sys.exit(run(list(sys.argv[1:] if argv is None else argv)))


def run(argv: list[str]) -> int:
    """One command to its exit code; only here are errors caught."""
    logging.basicConfig(level=logging.ERROR)  # Beam talks a lot on its way
    cut = argv.index("--") if "--" in argv else len(argv)
    try:
        code = cli.main(argv[:cut], prog_name="posebeam", standalone_mode=False, obj=argv[cut + 1 :])
        return code if isinstance(code, int) else 0
    except click.exceptions.Exit as leave:
        return leave.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("posebeam: interrupted; what is finished is kept, the same command goes on", err=True)
        return 1
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except PosebeamError as error:
        click.echo(f"posebeam: {spoken(str(error))}", err=True)
        return 2 if isinstance(error, ConfigError) else 1
    except OSError as error:  # a full disk, a lost mount, a folder that is not ours to write to
        click.echo(f"posebeam: {spoken(_told(error))}", err=True)
        return 1


def _told(error: OSError) -> str:
    """What the system refused, where, and what to do about it."""
    where = f"{error.filename}: " if error.filename else ""
    what = f"{where}{error.strerror or error}"
    if isinstance(error, PermissionError) or error.errno == errno.EROFS:
        return f"{what}; take a folder that you may write to"
    if isinstance(error, (NotADirectoryError, FileExistsError, IsADirectoryError)):
        return f"{what}; take another path: a file stands where a folder is needed, or the other way round"
    return f"{what}; what is finished is kept: mend that, and the same command goes on from there"


if __name__ == "__main__":
    main()
