"""What a migration did and what it could not do, and the reading of parts that reports whatever was not read."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Notes:
    """Lines for the user: what became of a part, and what has no counterpart."""

    done: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)

    def became(self, place: str, what: str) -> None:
        """Note what a part of the mmpose config became."""
        self.done.append(f'{place}: {what}')

    def lacks(self, place: str, why: str, advice: str) -> None:
        """Note a part without a counterpart, why, and what to do; the same line once."""
        line = f'{place}: {why}; {advice}'
        if line not in self.missing:
            self.missing.append(line)

    @contextmanager
    def reading(self, value: Mapping[str, Any], place: str) -> Iterator['Given']:
        """Yield a part to take arguments from; those that are left are noted as missing."""
        given = Given(dict(value), place)
        yield given
        for key, left in given.values.items():
            self.lacks(f'{place}.{key}', f'{left!r:.80} has no counterpart', 'check whether you need it')


@dataclass
class Given:
    """A part of an mmpose config, without the arguments that were taken."""

    values: dict[str, Any]
    place: str

    def __post_init__(self) -> None:
        self.kind = kind_of(self.values)
        self.values.pop('type', None)

    def take(self, key: str, default: Any = None) -> Any:
        """Take an argument out."""
        return self.values.pop(key, default)

    def take_if(self, **harmless: Any) -> None:
        """Take out each argument that has the value given here, with which it changes nothing."""
        for key, value in harmless.items():
            if key in self.values and as_tuples(self.values[key]) == as_tuples(value):
                del self.values[key]

    def chosen(self, *keys: str) -> dict[str, Any]:
        """Take out those of the arguments that are there, under their own names."""
        return {key: self.values.pop(key) for key in keys if key in self.values}


def kind_of(part: Mapping[str, Any]) -> str:
    """Return the class that a part names, without its scope or module; '' if it names none."""
    return str(part.get('type', '')).rpartition('.')[-1]


def as_tuples(value: Any) -> Any:
    """Return a value with lists as tuples."""
    return tuple(map(as_tuples, value)) if isinstance(value, list | tuple) else value
