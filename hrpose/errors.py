"""Errors that the user can correct, and parts of their messages: the closest valid names, the first few examples."""

import difflib
from collections.abc import Iterable, Sequence
from typing import Any


class UserError(ValueError):
    """Error that the user can correct; its message says what was given, what is wrong, and what to do."""


class MissingDataError(UserError):
    """Error for a file or folder of a data set that does not exist."""


def printable(text: str) -> str:
    """Return `text` with control characters, lone surrogates and line breaks as escapes, which no terminal obeys."""
    return ''.join(sign if sign.isprintable() else sign.encode('unicode_escape').decode() for sign in text)


def printable_lines(text: str) -> str:
    """Return `text` with its line breaks as they are, and otherwise as `printable` does."""
    return '\n'.join(map(printable, text.split('\n')))


def shown(address: str) -> str:
    """Return an address for messages: without user, password and query, which may hold a key."""
    scheme, mark, rest = address.partition('://')
    server, slash, path = rest.partition('/')
    path, query, _ = path.partition('?')
    return printable(f'{scheme}{mark}{server.rpartition("@")[2]}{slash}{path}{"?…" * bool(query)}')


def similar(name: str, choices: Iterable[str]) -> str:
    """Return a clause that names up to three of the `choices` that `name` may be a slip of; '' if there are none."""
    close = difflib.get_close_matches(name, sorted(choices), n=3, cutoff=0.7)
    return f'; nearest: {", ".join(close)}' if close else ''


def nearest(name: str, choices: Iterable[str], *, count: int = 3) -> str:
    """Return a clause that names the `choices` most similar to `name`, or all of them if there are few."""
    choices = sorted(choices)
    close = difflib.get_close_matches(name, choices, n=count, cutoff=0.5)
    if close:
        return f'nearest: {", ".join(close)}'
    if len(choices) <= 12:
        return f'choices: {", ".join(choices) or "none"}'
    return f'none of the {len(choices)} known names is close'


def some_of(values: Sequence[Any], number: int = 3) -> str:
    """Return the first `number` values as text: '7, 8, 9, … (12 in all)'."""
    texts = ', '.join(str(value) for value in values[:number])
    return texts if len(values) <= number else f'{texts}, … ({len(values)} in all)'
