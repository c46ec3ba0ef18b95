"""What `tools/dist_train.sh` and `tools/dist_test.sh` run: a script of `tools/` in several processes, by torchrun."""

import argparse
import logging
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from hrpose import errors
from hrpose.errors import UserError

# What stands before the number of processes on each script's command line.
LEADING = {'train': ('CONFIG',), 'test': ('CONFIG', 'CHECKPOINT')}

ENVIRONMENT = """
environment, for several machines (start the same command on each):
  NNODES       how many machines; 1 unless given
  NODE_RANK    which of them this is, from 0
  MASTER_ADDR  name or address of machine 0, as the others reach it
  PORT         a port that is free there; 29500 unless given (on one machine: any free one)

One process runs on each GPU. Without GPUs the processes run on the CPU and talk by gloo. Ctrl-C ends all of them.
"""


def parse_arguments(script: Path, words: Sequence[str]) -> tuple[argparse.Namespace, list[str]]:
    """Return the script's leading arguments with the number of processes, and the words that are for it alone."""
    leading = LEADING[script.stem]
    parser = argparse.ArgumentParser(
        prog=f'tools/dist_{script.stem}.sh',
        usage=f'tools/dist_{script.stem}.sh {" ".join(leading)} GPUS [options of tools/{script.name}]',
        description=f'Run tools/{script.name} in several processes, on one machine or several, by torchrun.',
        epilog=ENVIRONMENT + f'\nThe options are those of: python tools/{script.name} --help',
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


def positive(text: str, name: str) -> int:
    """Return a number of processes or machines; raise `UserError` for anything else."""
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise UserError(f"{name} has to be a whole number of at least 1, not '{text}'")
    return int(text)


def torchrun_words(gpus: int, environ: Mapping[str, str]) -> list[str]:
    """Return torchrun's own options for `gpus` processes a machine, with the machines that the environment tells of.

    Raises:
        UserError: numbers that are none or do not fit each other, or no address of the first machine.
    """
    nodes = positive(environ.get('NNODES', '1'), 'NNODES')
    port = environ.get('PORT') or environ.get('MASTER_PORT')
    if port is not None and not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        raise UserError(f"PORT has to be a number from 1 to 65535, not '{port}'")
    if nodes == 1 and port is None:
        return [f'--nproc-per-node={gpus}', '--standalone']
    rank = environ.get('NODE_RANK', '0' if nodes == 1 else '')
    if not (rank.isascii() and rank.isdigit() and int(rank) < nodes):
        raise UserError(f"NODE_RANK has to be 0 to {nodes - 1} on NNODES={nodes} machines, not '{rank}'")
    address = environ.get('MASTER_ADDR', '127.0.0.1' if nodes == 1 else '')
    if not address:
        raise UserError(f'NNODES is {nodes}, but MASTER_ADDR does not say where machine 0 is reached')
    return [
        *(f'--nproc-per-node={gpus}', f'--nnodes={nodes}', f'--node-rank={rank}'),
        *(f'--master-addr={address}', f'--master-port={port or 29500}'),
    ]


def require_gpus(gpus: int) -> None:
    """Raise `UserError` for more processes than GPUs; a machine without any runs them on its CPU."""
    try:
        import torch
    except ModuleNotFoundError as error:
        raise UserError(
            f'{sys.executable} has no PyTorch: activate the environment (source .venv/bin/activate), or name its '
            'interpreter in PYTHON'
        ) from error
    there = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if there and gpus > there:
        raise UserError(f'GPUS is {gpus}, but this machine has {there}')


def run_torchrun(words: Sequence[str]) -> None:
    """Run torchrun until all processes ended; leave with the status of the first that failed, and say which it was.

    Raises:
        KeyboardInterrupt: on Ctrl-C, after every process ended.
    """
    from torch.distributed import run
    from torch.distributed.elastic.multiprocessing.api import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError

    # Its account of a failure is a page without the reason; the sentence below takes its place.
    logging.getLogger('torch.distributed').setLevel(logging.CRITICAL)
    try:
        run.main(list(words))
    except SignalException as error:
        raise KeyboardInterrupt from error
    except ChildFailedError as error:
        rank, failure = error.get_first_failure()
        how = f'left with status {failure.exitcode}; its message stands above'
        if failure.exitcode < 0:
            how = f'was killed by {failure.signal_name()}; SIGKILL mostly means that memory ran out'
        print(f'process {rank} {how}; the others were ended', file=sys.stderr)
        sys.exit(failure.exitcode if failure.exitcode > 0 else 1)


def main() -> None:
    """Start the script that the first word of the command line names, as the others say."""
    script, *words = sys.argv[1:]
    arguments, options = parse_arguments(Path(script), words)
    gpus = positive(arguments.gpus, 'GPUS')
    own = torchrun_words(gpus, os.environ)
    require_gpus(gpus)
    # Each process with as many threads as cores would be slower than one alone.
    os.environ.setdefault('OMP_NUM_THREADS', '1')
    leading = [getattr(arguments, name.lower()) for name in LEADING[Path(script).stem]]
    run_torchrun([*own, script, *leading, '--launcher', 'pytorch', *options])


if __name__ == '__main__':
    errors.run(main)
