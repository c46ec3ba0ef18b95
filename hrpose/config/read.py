"""Read a config file, and apply the options of a command line to it."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmengine.config import Config

from hrpose.config.linking import link, unlink
from hrpose.config.mmpose import refuse_mmpose
from hrpose.config.options import merge, require_moved_data
from hrpose.config.shipped import bases_by_name, config_folder, find_config
from hrpose.config.unread import refuse_slips
from hrpose.errors import UserError
from hrpose.plugins import import_plugins
from hrpose.plugins.openmmlab import prepare_openmmlab


def load_config(path: str | Path, options: Mapping[str, Any] | None = None) -> Config:
    """Return the linked config of a file.

    Args:
        path: a Python config file, or the name of one of hrpose's (`hrpose.config.shipped`).
        options: overrides by dotted name, as `--cfg-options` gives them. Each has to name a value that exists, unless
            it adds to a mapping.

    Raises:
        UserError: no such file, a file that fails to run, a config of mmpose, a misspelt top-level name, or values that
            contradict each other.
    """
    try:
        cfg = read_config(path, options)
        refuse_slips(cfg)
        return link(cfg)
    except (AttributeError, KeyError, IndexError, TypeError, ValueError, OverflowError) as error:
        # Without options the file or hrpose is at fault, and the traceback shows which.
        if isinstance(error, UserError) or not options:
            raise
        words = ' '.join(f'{name}={value!r}'[:80] for name, value in options.items())
        raise UserError(f'--cfg-options {words}: a value is of the wrong kind for its part: {error}') from error


def read_config(path: str | Path, options: Mapping[str, Any] | None = None) -> Config:
    """Return the config of a file as it is written, without linking, to look for mistakes in it.

    Arguments and errors are those of `load_config`, `UserError` for a file that cannot be read, but contradictions are
    not looked for.
    """
    prepare_openmmlab()
    path = find_config(path)
    try:
        with bases_by_name():
            cfg = Config.fromfile(str(path), import_custom_modules=False)
    except UserError:
        raise
    except FileNotFoundError as error:
        missing = Path(error.filename or '')
        raise UserError(
            f'the config {path} cannot be read: there is no {os.path.normpath(missing)}; a path in _base_ is '
            "relative to the config that has it, and hrpose's own configs are inherited by name: "
            f"_base_ = ['hrpose::{_shipped(missing)}']"
        ) from error
    except Exception as error:  # a config is a program of the user's and may raise anything
        raise UserError(f'the config {path} cannot be read: {type(error).__name__}: {error}') from error
    refuse_mmpose(cfg)
    if not options:
        import_plugins(cfg.get('custom_imports') or {}, path)
        return cfg
    # Plug-ins first, named by an option perhaps: `unlink` has to know which values their parts take.
    merged = Config(cfg._cfg_dict.to_dict())
    merge(merged, options)
    import_plugins(merged.get('custom_imports') or {}, path)
    cfg = unlink(cfg)
    merge(cfg, options)
    if 'data_root' in options:
        require_moved_data(cfg, options['data_root'])
    return cfg


def _shipped(missing: Path) -> str:
    """Return the file in hrpose's configs that the end of a path names; that of the paper's network if none does."""
    ends = ('/'.join(missing.parts[-count:]) for count in (2, 1))
    return next((end for end in ends if (config_folder() / end).is_file()), 'hrnet_w32_coco_256x192.py')
