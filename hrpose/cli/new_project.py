"""`hrpose new-project`: write a part to start from."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from hrpose.cli.parser import command_parser

EXAMPLES = ('hrpose new-project my_net --kind backbone',)


def parser_of(prog: str | None = None) -> argparse.ArgumentParser:
    """Return the parser of the command."""
    parser = command_parser(
        prog, 'Write a part to start from: code, config, tests and README. It trains at once.', EXAMPLES
    )
    parser.add_argument('name', help='of the module and its folder, for instance my_net')
    parser.add_argument('--kind', required=True, help='backbone, head, codec, dataset, metric or hook')
    parser.add_argument('--folder', type=Path, help='where to write it (default: projects/ if it exists, else here)')
    return parser


def main(words: Sequence[str] | None = None, *, prog: str | None = None) -> None:
    """Write the project and print what to run next."""
    arguments = parser_of(prog).parse_args(words)
    from hrpose.scaffolding import write_project

    default = Path('projects') if Path('projects').is_dir() else Path()
    target = write_project(arguments.name, arguments.kind, arguments.folder or default)
    print(f'wrote {target.absolute()}. Its tests, then a training on generated people, which have to be made first:')
    print(f'    pytest {target}\n    hrpose make-synthetic data/synthetic')
    print(f'    hrpose train {target}/configs/{arguments.name}_synthetic_128x96.py')
