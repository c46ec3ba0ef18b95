"""The table of sub-commands, and the way from `hrpose NAME …` to the module that does it."""

import argparse
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from importlib import import_module
from typing import NamedTuple

from hrpose.cli.run import run
from hrpose.errors import UserError, nearest
from hrpose.version import __version__


class Command(NamedTuple):
    """A sub-command.

    Attributes:
        module: dotted name of the module whose `main(words, prog=…)` does it.
        summary: what it does, for `hrpose --help`.
    """

    module: str
    summary: str


COMMANDS: dict[str, Command] = {
    'train': Command('hrpose.cli.train', 'train a model from a config'),
    'test': Command('hrpose.cli.test', 'evaluate a checkpoint with the test protocol of its config'),
    'infer': Command('hrpose.cli.infer', 'find the people in pictures, videos or a camera'),
    'doctor': Command('hrpose.cli.doctor', 'examine data sets before any training'),
    'models': Command('hrpose.cli.models', 'list the configs and weights that are known by name'),
    'info': Command('hrpose.cli.info', 'show versions, optional parts and how to get them, what is registered'),
    'make-synthetic': Command('hrpose.cli.make_synthetic', 'write the embedded data set of generated people'),
    'print-config': Command(
        'hrpose.cli.print_config', 'print a config, the origin of each value, and what nothing reads'
    ),
    'new-project': Command('hrpose.cli.new_project', 'write a part of your own to start from, of six kinds'),
    'convert': Command('hrpose.cli.convert', "write a checkpoint of any layout in hrpose's form, or mmpose's"),
    'detect': Command('hrpose.cli.detect', "write people's boxes, found by a detector, as a COCO result file"),
}


def main(words: Sequence[str] | None = None) -> None:
    """Run the sub-command that the command line names; leaves with its exit status.

    Args:
        words: of the command line, behind `hrpose`; the process's own unless given.
    """
    words = sys.argv[1:] if words is None else words
    run(partial(dispatch, words))


def dispatch(words: Sequence[str], commands: Mapping[str, Command] = COMMANDS) -> None:
    """Import the module of the command named by the first word, and call its `main` with the others.

    Raises:
        UserError: no such command; names the nearest.
    """
    arguments = parser_of(commands).parse_args(words)
    name = arguments.command
    if name not in commands:
        raise UserError(f"hrpose has no command '{name}'; {nearest(name, commands)}")
    import_module(commands[name].module).main(arguments.words, prog=f'hrpose {name}')


def parser_of(commands: Mapping[str, Command]) -> argparse.ArgumentParser:
    """Return the parser of what stands before a command's name; its help lists all commands."""
    width = max(map(len, commands), default=0)
    listed = '\n'.join(f'  {name:{width}}  {command.summary}' for name, command in commands.items())
    parser = argparse.ArgumentParser(
        prog='hrpose',
        usage='hrpose [-h] [--version] COMMAND …',
        description='HRNet human pose estimation.',
        epilog=f'commands:\n{listed}\n\nhrpose COMMAND --help explains a command.',
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('--version', action='version', version=f'hrpose {__version__}')
    parser.add_argument('command', metavar='COMMAND', help=argparse.SUPPRESS)
    # Options behind a command's name are the command's own, --help among them.
    parser.add_argument('words', nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    return parser
