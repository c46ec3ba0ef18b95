"""Run a command: a mistake of the user ends in one line and status 2, Ctrl-C in status 130.

Library code raises `UserError`. A part that fails while mmengine builds it from a config also ends in one line, which
names the part and the place. Every other exception is a defect of hrpose and keeps its traceback.
"""

import atexit
import io
import os
import re
import signal
import sys
import threading
import time
from collections.abc import Callable
from typing import NoReturn

from hrpose.errors import UserError, printable_lines
from hrpose.files import UNWRITABLE

_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)

# Seconds that the other processes wait for the first one to report. The launcher checks ten times a second.
_REPORT_DELAY = 2.0

# How PyTorch sends on an exception from a loader worker: 'Caught UserError in DataLoader worker …<traceback>'.
_FROM_WORKER = re.compile(r'^Caught (\w+) in .*^(?:[\w.]+\.)?\1: ', re.S | re.M)

# Module -> the extra of hrpose that installs it.
_EXTRAS = {
    'tensorboard': 'train',
    'faster_coco_eval': 'train',
    'pycocotools': 'train',
    'mmcv': 'detection',
    'mmdet': 'detection',
    'sklearn': 'analysis',
}

# What a part raises if the config gives it a value that it cannot use.
_CONFIG_ERRORS = (TypeError, ValueError, AttributeError, AssertionError, KeyError, IndexError, OverflowError)


def run(main: Callable[[], object]) -> None:
    """Call `main`; report a mistake of the user in one line on stderr and exit with status 2.

    Other statuses: 130 after Ctrl-C or SIGTERM, 141 if the reader of stdout has closed it.
    """
    atexit.register(_ignore_late_signals)  # registered first, so it runs last
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors='backslashreplace')  # a terminal without UTF-8 gets '\u2026' for '…'
    threading.excepthook = _report_thread
    try:
        main()
    except UserError as error:
        _fail(message_of(error))
    except ImportError as error:
        missing = _missing_package(error)
        if missing is None:
            raise
        _fail(f"package '{missing}' is not installed; install it with: pip install 'hrpose[{_EXTRAS[missing]}]'")
    except _CONFIG_ERRORS as error:
        from hrpose.plugins import explain_failure

        message = explain_failure(error)
        if message is None:
            raise
        _fail(message)
    except BrokenPipeError:  # such as `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)
    except OSError as error:
        if error.filename is None and error.errno not in UNWRITABLE:
            raise
        if error.filename is None:
            _fail(f'a file cannot be written ({error.strerror}); free some space, then run the command again')
        _fail(f'{error.filename}: {error.strerror}; check the path and its permissions')
    except SyntaxError as error:
        # While mmengine formats a config it turns every exception into this one, KeyboardInterrupt included.
        if not isinstance(error.__context__, KeyboardInterrupt):
            raise
        _stop()
    except KeyboardInterrupt:
        _stop()


def _report_thread(failed: threading.ExceptHookArgs) -> None:
    """Report a disk that a thread (TensorBoard's) cannot write to in one line; other errors keep their traceback."""
    error = failed.exc_value
    if isinstance(error, OSError) and error.errno in UNWRITABLE:
        print(f'a file cannot be written any more ({error.strerror}); it lacks lines', file=sys.stderr)
    else:
        threading.__excepthook__(failed)


def message_of(error: BaseException) -> str:
    """Return the message of `error` without the traceback that a loader worker puts around it."""
    return _FROM_WORKER.sub('', str(error)).strip()


def _missing_package(error: BaseException | None) -> str | None:
    """Return the package of an extra whose absence led to `error`; None if something else did."""
    while error is not None:
        name = (error.name or '').partition('.')[0] if isinstance(error, ModuleNotFoundError) else ''
        if name in _EXTRAS:
            return name
        error = error.__cause__ or error.__context__
    return None


def _fail(message: str) -> NoReturn:
    """Print the message and exit with status 2.

    If several processes run, the others wait a little: an error that all of them meet is then printed once, because the
    launcher ends them when the first one exits. They exit without cleaning up, in which gloo would wait for the others.
    """
    if os.environ.get('LOCAL_RANK', '0') != '0':
        time.sleep(_REPORT_DELAY)
    print(f'error: {printable_lines(message)}', file=sys.stderr)
    if 'LOCAL_RANK' in os.environ:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(2)
    sys.exit(2)


def _stop() -> NoReturn:
    """Exit with status 130; a second signal ends the process at once, with the same status."""
    for number in _STOP_SIGNALS:
        signal.signal(number, _exit_at_once)
    print('stopped by Ctrl-C', file=sys.stderr)
    sys.exit(130)


def _exit_at_once(*_: object) -> NoReturn:
    os._exit(130)


def _ignore_late_signals() -> None:
    """Ignore signals after a stop: Python removes its handlers before it ends, and a signal would change the status."""
    for number in _STOP_SIGNALS:
        if signal.getsignal(number) is _exit_at_once:
            signal.signal(number, signal.SIG_IGN)
