"""What `tools/dist_train.sh` and `tools/dist_test.sh` run: a script of `tools/` in several processes."""

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

# What stands before the number of processes on each script's command line.
LEADING = {'train': ('CONFIG',), 'test': ('CONFIG', 'CHECKPOINT')}

# Lets several processes share a GPU; NCCL does not.
SHARING = 'env_cfg.dist_cfg.backend=gloo'

# PyTorch reads it once, when it is imported.
LOG_LEVEL = 'TORCH_CPP_LOG_LEVEL'

MORE = """
One process runs on each GPU. Without GPUs the processes run on the CPU and talk by gloo. Ctrl-C ends all of them.
"""


def parse_arguments(script: Path, words: Sequence[str]) -> tuple[argparse.Namespace, list[str]]:
    """Return the script's leading arguments with the number of processes, and the words that are for it alone."""
    leading = LEADING[script.stem]
    parser = argparse.ArgumentParser(
        prog=f'tools/dist_{script.stem}.sh',
        usage=f'tools/dist_{script.stem}.sh {" ".join(leading)} GPUS [options of tools/{script.name}]',
        description=f'Run tools/{script.name} in several processes, on one machine or several.',
        epilog=ENVIRONMENT + MORE + f'\nThe options are those of: python tools/{script.name} --help',
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    for name in leading:
        parser.add_argument(name.lower(), metavar=name)
    parser.add_argument('gpus', metavar='GPUS', help='processes on this machine, one a GPU')
    # argparse would also look for positions among the options, so only the first words are its.
    count = len(leading) + 1
    first = next((index for index, word in enumerate(words) if word.startswith('-')), len(words))
    if first < count and '-h' not in words and '--help' not in words:
        given = ' '.join(words[:first]) or 'nothing'
        raise UserError(f'{parser.prog} takes {" ".join(leading)} GPUS first, but got {given}; --help explains')
    head = words if first < count else words[:count]
    return parser.parse_args(head), list(words[count:])


def import_quietly() -> None:
    """Import PyTorch such that it prints no frames of C++ in this process; in those that it starts it does.

    Raises:
        UserError: there is none.
    """
    given = os.environ.get(LOG_LEVEL)
    os.environ[LOG_LEVEL] = given or 'FATAL'
    try:
        import torch  # noqa: F401
    except ModuleNotFoundError as error:
        raise UserError(
            f'{sys.executable} has no PyTorch: activate the environment (source .venv/bin/activate), or name its '
            'interpreter in PYTHON'
        ) from error
    if given is None:
        del os.environ[LOG_LEVEL]


def require_gpus(gpus: int, options: Sequence[str]) -> None:
    """Raise `UserError` for more processes than GPUs, unless the `options` let them share one.

    A machine without any runs them on its CPU.
    """
    import torch

    there = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if there and gpus > there and not any('gloo' in word for word in options):
        raise UserError(
            f'GPUS is {gpus}, but this machine has {there}; several processes share one, slowly, with '
            f'--cfg-options {SHARING}'
        )


def _how_it_ended(status: int) -> str:
    if status >= 0:
        return f'left with status {status}; its message stands above; the others were ended'
    reason = ', mostly because memory ran out' if status == -signal.SIGKILL else ''
    return (
        f'was killed by {signal.Signals(-status).name}{reason}; the others were ended. '
        'A training goes on from its last checkpoint with --resume'
    )


def main() -> None:
    """Start the script that the first word of the command line names, as the others say."""
    script, *words = sys.argv[1:]
    arguments, options = parse_arguments(Path(script), words)
    gpus = positive(arguments.gpus, 'GPUS')
    machines = machines_of(os.environ)
    import_quietly()
    require_gpus(gpus, options)
    # Each process with as many threads as cores would be slower than one alone.
    os.environ.setdefault('OMP_NUM_THREADS', '1')
    leading = [getattr(arguments, name.lower()) for name in LEADING[Path(script).stem]]
    command = [sys.executable, '-u', script, *leading, '--launcher', 'pytorch', *options]
    with meeting(machines, gpus) as places:
        failure = run_together(command, [{**os.environ, **place} for place in places])
        if failure is not None:
            child, status = failure
            print(f'process {places[child]["RANK"]} {_how_it_ended(status)}', file=sys.stderr)
            sys.exit(status if status > 0 else 1)


if __name__ == '__main__':
    run(main)
