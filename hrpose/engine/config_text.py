"""The text of a config, formatted once: mmengine formats it anew, by yapf, for each checkpoint and each log."""

from functools import lru_cache
from typing import Any

from mmengine.config import Config


class FormattedOnce(Config):
    """A config whose `pretty_text` is mmengine's, and is made again only after a value has changed."""

    @classmethod
    def of(cls, cfg: Config) -> 'FormattedOnce':
        """Return `cfg` itself as one of these: its values are shared, and file, text and environment are the same."""
        shared = cls.__new__(cls)
        shared.__dict__.update(cfg.__dict__)
        return shared

    @property
    def pretty_text(self) -> str:
        """The config as a Python file."""
        return _formatted(_Values(self))


class _Values:
    """A config, equal to another one of the same values: `repr` tells apart whatever the text does."""

    def __init__(self, cfg: Config) -> None:
        self.cfg = cfg
        self.written = repr((cfg._cfg_dict.to_dict(), cfg._format_python_code))

    def __hash__(self) -> int:
        return hash(self.written)

    def __eq__(self, other: Any) -> bool:
        return self.written == other.written


@lru_cache(maxsize=4)
def _formatted(values: _Values) -> str:
    return Config.pretty_text.fget(values.cfg)
