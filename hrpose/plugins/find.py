"""Import what a config names in `custom_imports`, wherever the command is started.

A module is looked for in the config's folder, in each folder above it, and in a folder `projects` of each of these;
then likewise from the working directory, because a config that training saved lies in a work dir. The same line,
`custom_imports = dict(imports=['my_part'])`, then serves in `projects/my_part/` of a clone and in `my_part/` anywhere.
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
        custom_imports: `imports`, a module's dotted name or several; `allow_failed_imports`, whether one that cannot
            be imported is left out.
        config: the config's file.

    Raises:
        UserError: a module that is not there, that fails on import (the message names file and line), or that Python
            takes from another place.
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
    """Return the folder from which `name` can be imported, the nearest to the config; None if there is none."""
    parts = name.split('.')
    for folder in _places(config):
        target = folder.joinpath(*parts)
        module = target.with_name(f'{target.name}.py')
        # A config may well be called as the part that it is for.
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
    except Exception as error:  # a plug-in is a user's program: whatever it raises is a sentence for the user
        raise UserError(_why_not(name, config, folder, error)) from error
    file = getattr(module, '__file__', None)
    if folder is not None and file is not None and not Path(file).resolve().is_relative_to(folder.resolve()):
        raise UserError(
            f"{config}: custom_imports means '{name}' in {folder}, but Python takes the one in {Path(file).parent}: "
            'rename yours'
        )


def _why_not(name: str, config: Path, folder: Path | None, error: Exception) -> str:
    top = name.split('.')[0]
    if folder is None and isinstance(error, ModuleNotFoundError) and error.name in (name, top):
        return (
            f"{config}: custom_imports names '{name}', and there is no such module beside the config or the working "
            'directory, in the folders above them or in a folder projects of these, nor is it installed; '
            f'{nearest(top, _candidates(config))}. Where else the module lies, PYTHONPATH=FOLDER says'
        )
    if isinstance(error, SyntaxError):
        place = f'{error.filename}, line {error.lineno}'
    else:
        last = traceback.extract_tb(error.__traceback__)[-1]
        place = f'{last.filename}, line {last.lineno}'
    return f"{config}: the plug-in '{name}' cannot be imported: {type(error).__name__}: {error} ({place})"


def _candidates(config: Path) -> list[str]:
    """Return the names of the packages that lie where a plug-in is looked for, close to the config."""
    near = [folder for folder in list(_places(config))[:8] if folder.is_dir()]
    return sorted({path.parent.name for folder in near for path in folder.glob('*/__init__.py')})
