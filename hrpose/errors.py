"""Mistakes of the user's: one exception, and the one place where it becomes a sentence.

Library code raises `UserError`; every command runs its `main` through `run`, which prints the sentence
and leaves without a traceback. Anything else that is raised is a defect of hrpose and keeps its traceback.
"""

import difflib
import os
import re
import sys
import time
from collections.abc import Callable, Iterable


class UserError(ValueError):
    """Something the user can put right. The message says what was wrong, where, and what to do."""


# Seconds; torchrun looks ten times a second whether a process has left.
PATIENCE = 2.0

# A loader worker sends its exception on as text: 'Caught UserError in DataLoader worker …<traceback>'.
_FROM_WORKER = re.compile(r'^Caught (\w+) in .*^(?:[\w.]+\.)?\1: ', re.S | re.M)


def sentence(error: BaseException) -> str:
    """Return the message of `error`, without the traceback that a loader worker wraps around it."""
    return _FROM_WORKER.sub('', str(error)).strip()


def _is_wrong_argument(error: TypeError) -> bool:
    """Say whether mmengine built a part with arguments that the part does not take; not a defect deeper inside."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    by_mmengine = trace is not None and 'mmengine' in trace.tb_frame.f_code.co_filename
    return by_mmengine and re.match(r'[\w.]+\(\) (got an unexpected|missing \d+ required)', str(error)) is not None


def nearest(name: str, choices: Iterable[str], *, count: int = 3) -> str:
    """Return a clause naming the `choices` that look most like `name`, or all of them if few."""
    choices = sorted(choices)
    close = difflib.get_close_matches(name, choices, n=count, cutoff=0.5)
    if close:
        return f'nearest: {", ".join(close)}'
    if len(choices) <= 12:
        return f'choices: {", ".join(choices) or "none"}'
    return f'none of the {len(choices)} known names is close'


def _let_the_first_process_speak() -> None:
    """Wait a little in the others of several processes: a mistake that all of them meet is then told once.

    The launcher ends them when the first one leaves; a mistake of this process's own is told after the wait.
    """
    if os.environ.get('LOCAL_RANK', '0') != '0':
        time.sleep(PATIENCE)


def run(main: Callable[[], object]) -> None:
    """Run a command's `main`; a `UserError` ends it with one message on stderr and exit status 2."""
    try:
        main()
    except UserError as error:
        _let_the_first_process_speak()
        print(f'error: {sentence(error)}', file=sys.stderr)
        sys.exit(2)
    except TypeError as error:
        if not _is_wrong_argument(error):
            raise
        print(f'error: a part of the config does not fit its arguments: {error}', file=sys.stderr)
        sys.exit(2)
    except KeyError as error:
        from hrpose.plugins import unknown_elsewhere

        message = unknown_elsewhere(error)
        if message is None:
            raise
        print(f'error: {message}', file=sys.stderr)
        sys.exit(2)
    except BrokenPipeError:  # `| head` has read enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)
    except OSError as error:
        if error.filename is None:
            raise
        print(f'error: {error.filename}: {error.strerror}; check the path and who may write there', file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print('stopped by Ctrl-C', file=sys.stderr)
        sys.exit(130)
