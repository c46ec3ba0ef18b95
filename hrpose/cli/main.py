"""The subcommands, and how `hrpose NAME …` calls the module of one."""

import argparse
import sys
from collections.abc import Sequence
from functools import partial
from importlib import import_module
from types import ModuleType

from hrpose.cli.run import run
from hrpose.errors import UserError, nearest
from hrpose.version import __version__

# Subcommand -> a line for `hrpose --help`. Its module in hrpose.cli has `main(words, prog=…)` and `parser_of(prog)`.
COMMANDS = {
    'train': 'train a model from a config',
    'test': 'evaluate a checkpoint by the test protocol of its config',
    'infer': 'find the keypoints of people in images, videos or a camera',
    'page': 'serve a page that shows poses in the images and videos dropped there',
    'track': "follow people through PoseTrack's videos, and score AP and MOTA",
    'detect': 'write the boxes that a detector finds as a COCO result file',
    'doctor': 'check data sets before training',
    'browse': 'draw what the network sees: augmented crops, joints, heatmaps',
    'pack': 'cut people out of the images of a training set, once, for faster training',
    'benchmark': 'time every stage of a config on this machine',
    'models': 'list the configs and weights that are known by name',
    'info': 'show versions, optional packages and registered parts',
    'convert': "write a checkpoint of any known layout in hrpose's or mmpose's",
    'export': 'write a network to ONNX, OpenVINO or torch.export',
    'migrate': 'turn a top-down heatmap config of mmpose 1.x into one of hrpose',
    'print-config': 'print a config, where its values come from, which are unused',
    'make-synthetic': 'write a data set of generated people',
    'new-project': 'write a part to start from, of one of six kinds',
    'completion': 'print the script that completes commands and options in a shell',
}


def main(words: Sequence[str] | None = None) -> None:
    """Run the subcommand that `words` name (default: the command line), and exit with its status."""
    run(partial(dispatch, sys.argv[1:] if words is None else words))


def dispatch(words: Sequence[str]) -> None:
    """Import the module of the subcommand and call its `main` with the other words.

    Raises:
        UserError: the subcommand is unknown.
    """
    width = max(map(len, COMMANDS))
    listed = '\n'.join(f'  {name:{width}}  {summary}' for name, summary in COMMANDS.items())
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
    arguments = parser.parse_args(words)
    name = arguments.command
    if name not in COMMANDS:
        raise UserError(f"hrpose has no subcommand '{name}'; {nearest(name, COMMANDS)}")
    module_of(name).main(arguments.words, prog=f'hrpose {name}')


def module_of(name: str) -> ModuleType:
    """Import the module of a subcommand, which has `main` and `parser_of`."""
    return import_module(f'hrpose.cli.{name.replace("-", "_")}')
