"""Numbers that a transform is given, checked where it is made: the pipeline would stumble over them in a worker."""

import math
from typing import Any

from hrpose.errors import UserError


def number(owner: object, name: str, value: Any, *, low: float = -math.inf, high: float = math.inf) -> Any:
    """Return `value`, a finite number from `low` to `high`.

    Raises:
        UserError: it is none; names the transform and its argument.
    """
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not low <= value <= high or not math.isfinite(value):
        least, most = (math.isfinite(end) for end in (low, high))
        bounds = f' from {low:g} to {high:g}' if least and most else f' of at least {low:g}' if least else ''
        raise UserError(f'{type(owner).__name__}: {name} has to be a number{bounds}, not {value!r:.80}')
    return value


def odds(owner: object, name: str, value: Any) -> Any:
    """Return `value`, a number from 0 to 1; errors as `number`."""
    return number(owner, name, value, low=0, high=1)
