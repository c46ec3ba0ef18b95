"""Explain what a part raises while mmengine builds it from a config."""

import inspect
import re
import traceback
from collections.abc import Mapping
from typing import Any

from hrpose.errors import nearest
from hrpose.plugins.explain import unknown_elsewhere

_UNEXPECTED = re.compile(r"([\w.]+)\(\) got an unexpected keyword argument '(\w+)'")
_MISSING = re.compile(r'([\w.]+)\(\) missing \d+ required')


def explain_failure(error: Exception) -> str | None:
    """Return one line about a part that failed while mmengine built it; None if the failure is not the config's."""
    message = None
    if isinstance(error, TypeError):
        message = _wrong_argument(error)
    elif isinstance(error, KeyError):
        message = unknown_elsewhere(error)
    return message or _wrong_value(error)


def _wrong_argument(error: TypeError) -> str | None:
    """Explain an argument that is missing or unknown, if the config is to blame for it.

    It is if mmengine called the part, or if the config gave the argument and the part passed it on.
    """
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    found = _UNEXPECTED.match(str(error))
    by_mmengine = bool(frames) and 'mmengine' in frames[-1].f_code.co_filename
    if found is None:
        missing = by_mmengine and _MISSING.match(str(error))
        return f'an argument of a part is missing: {error}; add it in the config' if missing else None
    owner, key = found[1].split('.')[0], found[2]
    for frame in reversed(frames):
        part, given = frame.f_locals.get('obj_cls'), frame.f_locals.get('args')
        if frame.f_code.co_name == 'build_from_cfg' and isinstance(given, Mapping) and key in given:
            known, _ = arguments_of(part)
            return f"{getattr(part, '__name__', part)} takes no argument '{key}'; {nearest(key, known)}"
    if not by_mmengine:
        return None
    values = [value for place in (frames[-1].f_locals, frames[-1].f_globals) for value in place.values()]
    part = next((value for value in values if isinstance(value, type) and value.__name__ == owner), None)
    return f"{owner} takes no argument '{key}'" + (f'; {nearest(key, arguments_of(part)[0])}' if part else '')


def _wrong_value(error: Exception) -> str | None:
    """Explain any other failure of a part. The part itself may be wrong, so the message names file and line."""
    walked = list(traceback.walk_tb(error.__traceback__))
    last, line = walked[-1]
    for frame, _ in reversed(walked):
        if frame.f_code.co_name != 'build_from_cfg' or 'mmengine' not in frame.f_code.co_filename:
            continue
        part, registry = frame.f_locals.get('obj_cls'), frame.f_locals.get('registry')
        name = getattr(part, '__name__', f'a {getattr(registry, "name", "part")}')
        return (
            f'{name} cannot be built from its config: {type(error).__name__}: {error!s:.300} '
            f'({last.f_code.co_filename}, line {line})'
        )
    return None


def arguments_of(part: Any) -> tuple[set[str], bool]:
    """Return the names of the arguments of a class or function, and whether it takes others too.

    A class that passes further arguments on also has those of the class above it.
    """
    names: set[str] = set()
    for level in part.__mro__ if isinstance(part, type) else [part]:
        call = level.__dict__.get('__init__') if isinstance(level, type) else level
        if call is None or level is object:
            continue
        try:
            parameters = inspect.signature(call).parameters.values()
        except (TypeError, ValueError):  # written in C
            return names, True
        names |= {one.name for one in parameters if one.kind in (one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY)}
        if not any(one.kind is one.VAR_KEYWORD for one in parameters):
            return names - {'self', 'runner'}, False
    return names - {'self', 'runner'}, True
