"""Mistakes of the user's: one exception, and the one place where it becomes a sentence.

Library code raises `UserError`; every command runs its `main` through `run`, which prints the sentence
and leaves without a traceback. So does a part that fails while it is built from its config, with the place in its code.
Anything else that is raised is a defect of hrpose and keeps its traceback.
"""

import atexit
import difflib
import inspect
import os
import re
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NoReturn


class UserError(ValueError):
    """Something the user can put right. The message says what was wrong, where, and what to do."""


# What asks a command to stop: Ctrl-C, and `kill`.
_STOPPING = (signal.SIGINT, signal.SIGTERM)

# Seconds; torchrun looks ten times a second whether a process has left.
PATIENCE = 2.0

# A loader worker sends its exception on as text: 'Caught UserError in DataLoader worker …<traceback>'.
_FROM_WORKER = re.compile(r'^Caught (\w+) in .*^(?:[\w.]+\.)?\1: ', re.S | re.M)


def sentence(error: BaseException) -> str:
    """Return the message of `error`, without the traceback that a loader worker wraps around it."""
    return _FROM_WORKER.sub('', str(error)).strip()


_UNEXPECTED = re.compile(r"([\w.]+)\(\) got an unexpected keyword argument '(\w+)'")
_MISSING = re.compile(r'([\w.]+)\(\) missing \d+ required')


def wrong_argument(error: TypeError) -> str | None:
    """Return the sentence about a part of a config that does not take its arguments; None for a defect of hrpose.

    It is the config's fault if mmengine called the part, or if the argument stands in the part's config and the part
    handed it on to what it is made of.
    """
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    found = _UNEXPECTED.match(str(error))
    by_mmengine = bool(frames) and 'mmengine' in frames[-1].f_code.co_filename
    if found is None:
        return (
            f'a part of the config lacks an argument: {error}' if by_mmengine and _MISSING.match(str(error)) else None
        )
    owner, key = found[1].split('.')[0], found[2]
    for frame in reversed(frames):
        part, given = frame.f_locals.get('obj_cls'), frame.f_locals.get('args')
        if frame.f_code.co_name == 'build_from_cfg' and isinstance(given, Mapping) and key in given:
            return f"{getattr(part, '__name__', part)} takes no argument '{key}'; {nearest(key, _arguments(part))}"
    if not by_mmengine:
        return None
    known = [value for place in (frames[-1].f_locals, frames[-1].f_globals) for value in place.values()]
    part = next((value for value in known if isinstance(value, type) and value.__name__ == owner), None)
    return f"{owner} takes no argument '{key}'" + (f'; {nearest(key, _arguments(part))}' if part else '')


def wrong_value(error: Exception) -> str | None:
    """Return the sentence about a part that fails while it is built from its config; None for any other failure.

    It may be the part's own fault, so the sentence says where it happened.
    """
    walked = list(traceback.walk_tb(error.__traceback__))
    last, line = walked[-1]
    for frame, _ in reversed(walked):
        if frame.f_code.co_name != 'build_from_cfg' or 'mmengine' not in frame.f_code.co_filename:
            continue
        part, registry = frame.f_locals.get('obj_cls'), frame.f_locals.get('registry')
        name = getattr(part, '__name__', f'a {getattr(registry, "name", "part")}')
        return (
            f'{name} cannot be built from what the config gives it: {type(error).__name__}: {error!s:.300} '
            f'({last.f_code.co_filename}, line {line})'
        )
    return None


def _arguments(part: Any) -> set[str]:
    """Return the names of the arguments of a class and, where it hands some on, of those that it is made of."""
    names: set[str] = set()
    for level in part.__mro__ if isinstance(part, type) else [part]:
        call = level.__dict__.get('__init__') if isinstance(level, type) else level
        if call is None or level is object:
            continue
        parameters = inspect.signature(call).parameters.values()
        names |= {one.name for one in parameters if one.kind in (one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY)}
        if not any(one.kind is one.VAR_KEYWORD for one in parameters):
            break
    return names - {'self', 'runner'}


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


def _leave(status: int) -> NoReturn:
    """End the process; one of several without tidying up, in which gloo would wait for the others or abort."""
    if 'LOCAL_RANK' in os.environ:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
    sys.exit(status)


# What Python raises where a config gives a part something else than it can use.
_OF_CONFIGS = (TypeError, ValueError, AttributeError, AssertionError, KeyError, IndexError, OverflowError)


def _about_config(error: Exception) -> str | None:
    message = None
    if isinstance(error, TypeError):
        message = wrong_argument(error)
    elif isinstance(error, KeyError):
        from hrpose.plugins import unknown_elsewhere

        message = unknown_elsewhere(error)
    return message or wrong_value(error)


def run(main: Callable[[], object]) -> None:
    """Run a command's `main`; a `UserError` ends it with one message on stderr and exit status 2."""
    # What is registered first runs last.
    atexit.register(_see_it_through)
    try:
        main()
    except UserError as error:
        _let_the_first_process_speak()
        print(f'error: {sentence(error)}', file=sys.stderr)
        _leave(2)
    except _OF_CONFIGS as error:
        message = _about_config(error)
        if message is None:
            raise
        _let_the_first_process_speak()
        print(f'error: {message}', file=sys.stderr)
        _leave(2)
    except BrokenPipeError:  # `| head` has read enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)
    except OSError as error:
        if error.filename is None:
            raise
        _let_the_first_process_speak()
        print(f'error: {error.filename}: {error.strerror}; check the path and who may write there', file=sys.stderr)
        _leave(2)
    except SyntaxError as error:
        # mmengine turns whatever stops it while it formats a config's text, Ctrl-C too, into this.
        if not isinstance(error.__context__, KeyboardInterrupt):
            raise
        _stop()
    except KeyboardInterrupt:
        _stop()


def _stop() -> NoReturn:
    # Whoever asks again does not wait for the process to tidy up; the status stays the same.
    for number in _STOPPING:
        signal.signal(number, _leave_at_once)
    print('stopped by Ctrl-C', file=sys.stderr)
    sys.exit(130)


def _leave_at_once(*_: object) -> NoReturn:
    os._exit(130)


def _see_it_through() -> None:
    """Let a stopped process ignore more of it once all is tidied up: Python gives up its handlers before it ends."""
    for number in _STOPPING:
        if signal.getsignal(number) is _leave_at_once:
            signal.signal(number, signal.SIG_IGN)
