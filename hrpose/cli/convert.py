"""`hrpose convert`: write a checkpoint in another layout."""

import argparse
from collections.abc import Sequence


def main(words: Sequence[str] | None = None, *, prog: str | None = None) -> None:
    """Convert a checkpoint and print one line about it."""
    parser = argparse.ArgumentParser(
        prog=prog,
        description="Write the weights of a checkpoint of any known layout in hrpose's or mmpose 1.x's. No code in the "
        'file is run, and the file itself is never overwritten.',
    )
    parser.add_argument('source', metavar='IN', help='a file, the name of published weights, or an http(s) address')
    parser.add_argument('target', metavar='OUT', help='the file to write: .pth or .safetensors')
    parser.add_argument('--to', choices=('hrpose', 'mmpose'), default='hrpose', help='layout to write (default hrpose)')
    arguments = parser.parse_args(words)
    from hrpose.checkpoints import convert_checkpoint

    print(convert_checkpoint(arguments.source, arguments.target, to=arguments.to))
