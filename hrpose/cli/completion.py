"""`hrpose completion`: print the script that completes hrpose's subcommands, options and files in a shell."""

import argparse
from collections.abc import Sequence

from hrpose.cli.parser import command_parser
from hrpose.errors import UserError

EXAMPLES = (
    'hrpose completion bash > ~/.local/share/bash-completion/completions/hrpose',
    'hrpose completion zsh > ~/.zfunc/_hrpose',
)
SHELLS = ('bash', 'zsh')


def parser_of(prog: str | None = None) -> argparse.ArgumentParser:
    """Return the parser of the command."""
    description = (
        'Print the script that completes subcommands, options and files. It is text: write it again after an update.'
    )
    parser = command_parser(prog, description, EXAMPLES)
    parser.add_argument('shell', choices=SHELLS, help='your shell')
    return parser


def main(words: Sequence[str] | None = None, *, prog: str | None = None) -> None:
    """Print the script."""
    arguments = parser_of(prog).parse_args(words)
    try:
        import shtab
    except ModuleNotFoundError as error:
        raise UserError("hrpose completion needs shtab; pip install 'hrpose[completion]'") from error
    from hrpose.cli.main import COMMANDS, module_of

    parser = argparse.ArgumentParser(prog='hrpose')
    commands = parser.add_subparsers()
    for name, summary in COMMANDS.items():
        own = commands.add_parser(name, help=summary, parents=[module_of(name).parser_of()], add_help=False)
        for action in own._actions:
            if action.metavar == 'DIR' or action.dest in ('work_dir', 'folder'):
                action.complete = shtab.DIRECTORY  # type: ignore[attr-defined]
            elif not action.choices and action.nargs != 0:
                action.complete = shtab.FILE  # type: ignore[attr-defined]
    print(shtab.complete(parser, shell=arguments.shell))
