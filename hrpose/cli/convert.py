"""`hrpose convert`: write a checkpoint in another form."""

import argparse
from collections.abc import Sequence


def parse_arguments(words: Sequence[str] | None, prog: str | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog=prog,
        description="Write the weights of a checkpoint, of any layout that hrpose recognises, in hrpose's form or "
        "mmpose 1.x's. Nothing in the file is run, and the file itself is never overwritten.",
    )
    parser.add_argument('source', metavar='IN', help='a file, the name of published weights, or an http(s) address')
    parser.add_argument('target', metavar='OUT', help='the file to write: .pth or .safetensors')
    parser.add_argument('--to', choices=('hrpose', 'mmpose'), default='hrpose', help='the form to write')
    return parser.parse_args(words)


def main(words: Sequence[str] | None = None, *, prog: str | None = None) -> None:
    """Convert as the command line says, and print one line."""
    arguments = parse_arguments(words, prog)
    from hrpose.checkpoints import convert_checkpoint

    print(convert_checkpoint(arguments.source, arguments.target, to=arguments.to))
