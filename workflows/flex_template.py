"""FlexTemplate: what Dataflow's launcher runs, posebeam build with everything given as --name=value.

The file that FLEX_TEMPLATE_PYTHON_PY_FILE names in the Dockerfile; flex-template.json says what may be given.
"""

import sys
from collections.abc import Sequence
from dataclasses import fields

from posebeam.transforms.errors import ConfigError
from posebeam.workflows.commands.build import BuildConfig

ARGUMENTS = ("kind", "source", "out")
SETTINGS = tuple(field.name for field in fields(BuildConfig))


def command_line(given: Sequence[str]) -> list[str]:
    """The words of posebeam build for what the launcher gives: the template's parameters, and flags of Beam's.

    ConfigError if one of ARGUMENTS is not given, or a word is no --name=value.
    """
    places: dict[str, str] = {}
    own: list[str] = []
    beams: list[str] = []
    for word in given:
        name, equals, value = word.removeprefix("--").partition("=")
        if name in ARGUMENTS and equals:
            places[name] = value
        elif name in SETTINGS and equals:
            own += [f"--{name.replace('_', '-')}={value}"]
        elif word.startswith("--"):
            beams.append(word)
        else:
            raise ConfigError(f"got {word!r}, expected --name=value")
    if absent := [name for name in ARGUMENTS if name not in places]:
        raise ConfigError(f"--{absent[0]}=... is not given; a build needs {', '.join(ARGUMENTS)}")
    return ["build", *own, *(places[name] for name in ARGUMENTS), "--", *beams]


def main() -> int:
    """Run it; exit codes are posebeam's."""
    from posebeam.workflows.cli import run

    try:
        return run(command_line(sys.argv[1:]))
    except ConfigError as error:
        print(f"posebeam: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
