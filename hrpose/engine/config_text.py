"""Format the text of a config once; mmengine has yapf format it for each checkpoint and each log."""

from mmengine.config import Config


class FormattedOnce(Config):
    """A config that formats its text again only after a value has changed."""

    @classmethod
    def of(cls, cfg: Config) -> 'FormattedOnce':
        """Return a config that shares the values, file and environment of `cfg`."""
        shared = cls.__new__(cls)
        shared.__dict__.update(cfg.__dict__)
        return shared

    @property
    def pretty_text(self) -> str:
        """The config as a Python file."""
        values = repr((self._cfg_dict.to_dict(), self._format_python_code))
        if self.__dict__.get('_formatted', ('',))[0] != values:
            self.__dict__['_formatted'] = values, Config.pretty_text.fget(self)
        return self.__dict__['_formatted'][1]
