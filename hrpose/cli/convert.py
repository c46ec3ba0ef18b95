"""`hrpose convert`: write a checkpoint in another layout."""

import argparse
from collections.abc import Sequence

from hrpose.cli.parser import command_parser

EXAMPLES = (
    'hrpose convert pose_hrnet_w32_256x192.pth hrnet_w32.safetensors',
    'hrpose convert hrnet_w32_coco_256x192 theirs.pth --to mmpose',
)


def parser_of(prog: str | None = None) -> argparse.ArgumentParser:
    """Return the parser of the command."""
    parser = command_parser(
        prog,
        "Write the weights of a checkpoint of any known layout in hrpose's or mmpose 1.x's. No code in the "
        'file is run, and the file itself is never overwritten.',
        EXAMPLES,
    )
    parser.add_argument('source', metavar='IN', help='a file, the name of published weights, or an http(s) address')
    parser.add_argument('target', metavar='OUT', help='the file to write: .pth or .safetensors')
    parser.add_argument('--to', choices=('hrpose', 'mmpose'), default='hrpose', help='layout to write (default hrpose)')
    return parser


def main(words: Sequence[str] | None = None, *, prog: str | None = None) -> None:
    """Convert a checkpoint and print one line about it."""
    arguments = parser_of(prog).parse_args(words)
    from hrpose.checkpoints import convert_checkpoint

    print(convert_checkpoint(arguments.source, arguments.target, to=arguments.to))
