"""Write a checkpoint in another form: python tools/convert_checkpoint.py pose_hrnet_w32_256x192.pth hrnet_w32.pth"""

import argparse

from hrpose import errors


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Write the weights of a checkpoint, of any layout that hrpose recognises, in hrpose's form or "
        "mmpose 1.x's. Nothing in the file is run, and the file itself is never overwritten."
    )
    parser.add_argument('source', metavar='IN', help='a file, the name of published weights, or an http(s) address')
    parser.add_argument('target', metavar='OUT', help='the file to write')
    parser.add_argument('--to', choices=('hrpose', 'mmpose'), default='hrpose', help='the form to write')
    return parser.parse_args()


def main() -> None:
    """Convert as the command line says, and print one line."""
    arguments = parse_arguments()
    from hrpose.checkpoints import convert_checkpoint

    print(convert_checkpoint(arguments.source, arguments.target, to=arguments.to))


if __name__ == '__main__':
    errors.run(main)
