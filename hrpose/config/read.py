"""From a config file to a config, with the options of a command line."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmengine.config import Config

from hrpose.config.linking import link, unlink
from hrpose.config.options import merge
from hrpose.errors import UserError
from hrpose.plugins import import_plugins
from hrpose.plugins.openmmlab import prepare_openmmlab
from hrpose.shipped import bases_by_name, find_config


def load_config(path: str | Path, options: Mapping[str, Any] | None = None) -> Config:
    """Return the linked config of a file.

    Args:
        path: a Python config file, or the name of one of hrpose's (`hrpose.shipped`).
        options: overrides by dotted name, as `--cfg-options` gives them; they must name something that exists,
            unless they add to a mapping.

    Raises:
        UserError: no such file, a file that does not run, or values that contradict each other.
    """
    try:
        return link(read_config(path, options))
    except (AttributeError, KeyError, IndexError, TypeError, ValueError, OverflowError) as error:
        # Without options the file is at fault, or hrpose is: the traceback says which.
        if isinstance(error, UserError) or not options:
            raise
        words = ' '.join(f'{name}={value!r}'[:80] for name, value in options.items())
        raise UserError(
            f'--cfg-options {words} gives a part of the config another kind of value than it can have: {error}'
        ) from error


def read_config(path: str | Path, options: Mapping[str, Any] | None = None) -> Config:
    """Return the config of a file as it is written, not linked: for those who look for what is wrong in it.

    Arguments and errors are those of `load_config`, but for values that contradict each other.
    """
    prepare_openmmlab()
    path = find_config(path)
    try:
        with bases_by_name():
            cfg = Config.fromfile(str(path), import_custom_modules=False)
    except UserError:
        raise
    except Exception as error:  # a config is a user's program: whatever it raises is a sentence for the user
        raise UserError(f'the config {path} cannot be read: {type(error).__name__}: {error}') from error
    merged = Config(cfg._cfg_dict.to_dict(), filename=cfg.filename)
    merge(merged, options or {})
    import_plugins(merged.get('custom_imports') or {}, path)
    if not options:
        return cfg
    # Only now are the config's own parts known, which say what follows from other values.
    unlinked = unlink(cfg)
    merge(unlinked, options)
    return unlinked
