"""The command behind `tools/dist_*.sh`: run a script of `tools/` in several processes."""

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from hrpose.cli.run import run
from hrpose.engine.distributed.children import run_together
from hrpose.engine.distributed.machines import ENVIRONMENT, machines_of, meeting, positive
from hrpose.errors import UserError

# The arguments of each script before the number of processes.
LEADING = {
    'train': ('CONFIG',),
    'test': ('CONFIG', 'CHECKPOINT'),
    'detect_persons': ('DET_CONFIG', 'DET_CHECKPOINT'),
}

LOG_LEVEL = 'TORCH_CPP_LOG_LEVEL'

NOTES = """
Each process has its own GPU. Without GPUs the processes run on the CPU and use gloo. Ctrl-C ends all of them.
"""


def parse_arguments(script: Path, words: Sequence[str]) -> tuple[argparse.Namespace, list[str]]:
    """Return the leading arguments with the number of processes, and the options for the script."""
    leading = LEADING[script.stem]
    parser = argparse.ArgumentParser(
        prog=f'tools/dist_{script.stem}.sh',
        usage=f'tools/dist_{script.stem}.sh {" ".join(leading)} GPUS [options of tools/{script.name}]',
        description=f'Run tools/{script.name} in several processes, on one machine or several.',
        epilog=ENVIRONMENT + NOTES + f'\nThe options are those of: python tools/{script.name} --help',
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    for name in leading:
        parser.add_argument(name.lower(), metavar=name)
    parser.add_argument('gpus', metavar='GPUS', help='number of processes on this machine, one for each GPU')
    # argparse would also take values of the options for positional arguments, so it gets the first words only.
    count = len(leading) + 1
    first = next((index for index, word in enumerate(words) if word.startswith('-')), len(words))
    if first < count and '-h' not in words and '--help' not in words:
        given = ' '.join(words[:first]) or 'nothing'
        raise UserError(f'{parser.prog} takes {" ".join(leading)} GPUS first, not {given}; see --help')
    head = words if first < count else words[:count]
    return parser.parse_args(head), list(words[count:])


def import_quietly() -> None:
    """Import PyTorch so that it prints no C++ frames in this process; in child processes it does.

    Raises:
        UserError: PyTorch is not installed.
    """
    given = os.environ.get(LOG_LEVEL)  # PyTorch reads it when it is imported
    os.environ[LOG_LEVEL] = given or 'FATAL'
    try:
        import torch  # noqa: F401
    except ModuleNotFoundError as error:
        raise UserError(
            f'{sys.executable}: has no PyTorch; activate the environment (source .venv/bin/activate), or set PYTHON to '
            'its interpreter'
        ) from error
    if given is None:
        del os.environ[LOG_LEVEL]


def require_gpus(gpus: int, options: Sequence[str]) -> None:
    """Raise `UserError` for more processes than GPUs, unless the options choose gloo, with which they can share one.

    A machine without GPUs runs them on its CPU.
    """
    import torch

    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if count and gpus > count and not any('gloo' in word for word in options):
        raise UserError(
            f'GPUS is {gpus}, but this machine has {count}; several processes share one, slowly, with --cfg-options '
            'env_cfg.dist_cfg.backend=gloo'
        )


def how_it_ended(status: int) -> str:
    """Describe the end of the first process that failed, by its exit status."""
    if status >= 0:
        return f'ended with status {status}, see its message above; the others were stopped'
    reason = ' (probably memory ran out)' if status == -signal.SIGKILL else ''
    return (
        f'was killed by {signal.Signals(-status).name}{reason}; the others were stopped. '
        'Resume a training from its last checkpoint with --resume'
    )


def main() -> None:
    """Run the script in the first argument with the other arguments, in several processes."""
    script, *words = sys.argv[1:]
    arguments, options = parse_arguments(Path(script), words)
    gpus = positive(arguments.gpus, 'GPUS')
    machines = machines_of(os.environ)
    import_quietly()
    if Path(script).stem != 'detect_persons':  # which uses gloo
        require_gpus(gpus, options)
    # With as many threads as cores in each, several processes would be slower than one.
    os.environ.setdefault('OMP_NUM_THREADS', '1')
    leading = [getattr(arguments, name.lower()) for name in LEADING[Path(script).stem]]
    command = [sys.executable, '-u', script, *leading, '--launcher', 'pytorch', *options]
    with meeting(machines, gpus) as places:
        failure = run_together(command, [{**os.environ, **place} for place in places])
        if failure is not None:
            child, status = failure
            print(f'process {places[child]["RANK"]} {how_it_ended(status)}', file=sys.stderr)
            sys.exit(status if status > 0 else 1)


if __name__ == '__main__':
    run(main)
