"""What `tools/dist_train.sh` and `tools/dist_test.sh` run: a script of `tools/` in several processes, by torchrun."""

import argparse
import logging
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from hrpose.cli.machines import ENVIRONMENT, Machines, find_first, machines_of, positive
from hrpose.cli.run import run
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
        description=f'Run tools/{script.name} in several processes, on one machine or several, by torchrun.',
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


def run_torchrun(machines: Machines, words: Sequence[str]) -> None:
    """Run torchrun until all processes ended; leave with the status of the first that failed, and say which it was.

    Raises:
        KeyboardInterrupt: on Ctrl-C, after every process ended.
        UserError: the machines did not come together.
    """
    from torch.distributed import DistError, run
    from torch.distributed.elastic.multiprocessing.api import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError

    # Its account of a failure is a page without the reason; the sentence below takes its place.
    logging.getLogger('torch.distributed').setLevel(logging.CRITICAL)
    try:
        run.main(list(words))
    except SignalException as error:
        raise KeyboardInterrupt from error
    except DistError as error:
        raise UserError(machines.did_not_meet(str(error).splitlines()[0])) from error
    except ChildFailedError as error:
        # A process that is killed takes others with it before torchrun looks; its clock has seconds.
        first = lambda one: (one[1].exitcode != -signal.SIGKILL, one[1].timestamp)  # noqa: E731
        rank, failure = min(error.failures.items(), key=first)
        print(f'process {rank} {_how_it_ended(failure.exitcode)}', file=sys.stderr)
        sys.exit(failure.exitcode if failure.exitcode > 0 else 1)


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
    find_first(machines)
    # Each process with as many threads as cores would be slower than one alone.
    os.environ.setdefault('OMP_NUM_THREADS', '1')
    leading = [getattr(arguments, name.lower()) for name in LEADING[Path(script).stem]]
    run_torchrun(machines, [*machines.torchrun_words(gpus), script, *leading, '--launcher', 'pytorch', *options])


if __name__ == '__main__':
    run(main)
