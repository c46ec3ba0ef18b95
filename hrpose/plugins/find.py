"""Import the modules that a config names in `custom_imports`, whatever the working directory.

A module is searched in the config's folder, in each folder above it, and in the folder `projects` of each of these.
Then the same is done from the working directory, because training saves its config in a work dir. So the same line,
`custom_imports = dict(imports=['my_part'])`, serves for `projects/my_part/` of a clone and for `my_part/` elsewhere.
"""

import importlib
import sys
import traceback
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from hrpose.errors import UserError, nearest

FIELDS = ('imports', 'allow_failed_imports')


def import_plugins(custom_imports: Mapping[str, Any], config: Path) -> None:
    """Import the modules that a config names, each from the place nearest to the config.

    Args:
        custom_imports: `imports`, the dotted name of a module or several names; `allow_failed_imports`, whether to
            skip modules that cannot be imported.
        config: the config's file.

    Raises:
        UserError: a module is not found or fails on import (the message has file and line), or Python takes another
            module of that name.
    """
    if unknown := sorted(set(custom_imports) - set(FIELDS)):
        raise UserError(f"{config}: custom_imports has no '{unknown[0]}'; {nearest(unknown[0], FIELDS)}")
    names = custom_imports.get('imports') or ()
    for name in [names] if isinstance(names, str) else names:
        try:
            _import(name, config)
        except UserError:
            if not custom_imports.get('allow_failed_imports', False):
                raise


def find_module(name: str, config: Path) -> Path | None:
    """Return the folder nearest to the config from which `name` can be imported; None if there is none."""
    parts = name.split('.')
    for folder in _places(config):
        target = folder.joinpath(*parts)
        module = target.with_name(f'{target.name}.py')
        # The config itself may have the name of the part.
        if (target / '__init__.py').is_file() or (module.is_file() and module != config.resolve()):
            return folder
    return None


def _places(config: Path) -> Iterator[Path]:
    for start in (config.resolve().parent, Path.cwd()):
        for folder in (start, *start.parents):
            yield from (folder, folder / 'projects')


def _import(name: str, config: Path) -> None:
    folder = find_module(name, config)
    if folder is not None and str(folder) not in sys.path:
        sys.path.append(str(folder))
    try:
        module = importlib.import_module(name)
    except Exception as error:  # a plug-in may raise anything
        raise UserError(_why_not(name, config, folder, error)) from error
    file = getattr(module, '__file__', None)
    if folder is not None and file is not None and not Path(file).resolve().is_relative_to(folder.resolve()):
        raise UserError(
            f"{config}: custom_imports means '{name}' in {folder}, but Python takes the one in {Path(file).parent}; "
            'rename yours'
        )


def _why_not(name: str, config: Path, folder: Path | None, error: Exception) -> str:
    top = name.split('.')[0]
    if folder is None and isinstance(error, ModuleNotFoundError) and error.name in (name, top):
        near = {path.parent.name for place in list(_places(config))[:8] for path in place.glob('*/__init__.py')}
        return (
            f"{config}: custom_imports names '{name}', which is neither installed nor in the folder of the config, the "
            f'working directory, a folder above these or a folder projects there; {nearest(top, near)}. For a module '
            'elsewhere set PYTHONPATH=FOLDER'
        )
    if isinstance(error, SyntaxError):
        place = f'{error.filename}, line {error.lineno}'
    else:
        last = traceback.extract_tb(error.__traceback__)[-1]
        place = f'{last.filename}, line {last.lineno}'
    return f"{config}: the plug-in '{name}' cannot be imported: {type(error).__name__}: {error} ({place})"
