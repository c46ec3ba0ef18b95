"""The subcommands, and how `hrpose NAME …` calls the module of one."""

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
    """A subcommand: the module with its `main(words, prog=…)`, and a line for `hrpose --help`."""

    module: str
    summary: str


COMMANDS = {
    'train': Command('hrpose.cli.train', 'train a model from a config'),
    'test': Command('hrpose.cli.test', 'evaluate a checkpoint by the test protocol of its config'),
    'infer': Command('hrpose.cli.infer', 'find the keypoints of people in images, videos or a camera'),
    'detect': Command('hrpose.cli.detect', 'write the boxes that a detector finds as a COCO result file'),
    'doctor': Command('hrpose.cli.doctor', 'check data sets before training'),
    'models': Command('hrpose.cli.models', 'list the configs and weights that are known by name'),
    'info': Command('hrpose.cli.info', 'show versions, optional packages and registered parts'),
    'convert': Command('hrpose.cli.convert', "write a checkpoint of any known layout in hrpose's or mmpose's"),
    'print-config': Command('hrpose.cli.print_config', 'print a config, where its values come from, which are unused'),
    'make-synthetic': Command('hrpose.cli.make_synthetic', 'write a data set of generated people'),
    'new-project': Command('hrpose.cli.new_project', 'write a part to start from, of one of six kinds'),
}


def main(words: Sequence[str] | None = None) -> None:
    """Run the subcommand that `words` name (default: the command line), and exit with its status."""
    run(partial(dispatch, sys.argv[1:] if words is None else words))


def dispatch(words: Sequence[str], commands: Mapping[str, Command] = COMMANDS) -> None:
    """Import the module of the subcommand and call its `main` with the other words.

    Raises:
        UserError: the subcommand is unknown.
    """
    arguments = parser_of(commands).parse_args(words)
    name = arguments.command
    if name not in commands:
        raise UserError(f"hrpose has no subcommand '{name}'; {nearest(name, commands)}")
    import_module(commands[name].module).main(arguments.words, prog=f'hrpose {name}')


def parser_of(commands: Mapping[str, Command]) -> argparse.ArgumentParser:
    """Return the parser of the words up to the subcommand; its help lists all subcommands."""
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
    # Everything after the name, even --help, is for the subcommand.
    parser.add_argument('words', nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    return parser
