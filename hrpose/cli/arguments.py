"""Arguments that several commands share."""

import argparse
from pathlib import Path

from mmengine.config import Config

from hrpose.checkpoints import locate
from hrpose.config import load_config, parse_options
from hrpose.engine.distributed.processes import LAUNCHERS, rank_of, require_launcher


def add_config_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of every command that reads a config."""
    parser.add_argument('config', help="a config file, or the name of one of hrpose's (`hrpose models` lists them)")
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        default=[],
        metavar='KEY=VALUE',
        help='override values of the config, for instance data_root=/data/coco codec.input_size="(288,384)"',
    )


def config_parser(description: str) -> argparse.ArgumentParser:
    """Return a parser with these arguments, for a script whose docstring begins with its description."""
    parser = argparse.ArgumentParser(description=description.splitlines()[0])
    add_config_arguments(parser)
    return parser


def config_of(arguments: argparse.Namespace) -> Config:
    """Return the linked config that these arguments name."""
    return load_config(arguments.config, parse_options(arguments.cfg_options))


def add_launcher_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of every command that can run in several processes."""
    parser.add_argument('--launcher', choices=LAUNCHERS, default='none', help='what started the processes')
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0, help=argparse.SUPPRESS)


def add_run_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that training and testing share."""
    add_config_arguments(parser)
    parser.add_argument('--work-dir', help='folder of logs and checkpoints (default: work_dirs/<config name>)')
    add_launcher_arguments(parser)


def config_from_arguments(arguments: argparse.Namespace) -> Config:
    """Return the linked config of a command, with `launcher` and `work_dir` set."""
    require_launcher(arguments.launcher)
    cfg = config_of(arguments)
    cfg.launcher = arguments.launcher
    cfg.work_dir = arguments.work_dir or cfg.get('work_dir') or str(Path('work_dirs') / Path(arguments.config).stem)
    return cfg


def require_checkpoint(launcher: str, given: str) -> None:
    """Raise `UserError` if there is no such checkpoint, before data and model are built.

    Only in process 0, from which the others receive the file.
    """
    if rank_of(launcher) == 0:
        locate(given)
