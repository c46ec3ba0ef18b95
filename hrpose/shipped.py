"""The configs that come with hrpose, found by name: in a clone its folder configs/, in a wheel a copy of that.

A command takes `hrnet_w32_coco_256x192` for a config, and a config of one's own inherits from it, wherever it lies:
`_base_ = ['hrpose::hrnet_w32_coco_256x192.py']`.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from mmengine.config import Config

from hrpose.errors import UserError, nearest

# Where OpenMMLab's packages keep their configs once they are installed; setup.py copies ours there.
INSTALLED = Path('.mim') / 'configs'


def config_folder(package: str = 'hrpose') -> Path:
    """Return the folder of the configs that an installed package brings along; for hrpose's clone, configs/.

    Raises:
        UserError: no such package.
    """
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise UserError(f'there is no package {package} whose configs could be named')
    root = Path(spec.submodule_search_locations[0]).resolve()
    return root.parent / 'configs' if package == 'hrpose' and not (root / INSTALLED).is_dir() else root / INSTALLED


def config_names() -> list[str]:
    """Return the names of hrpose's configs, without those that are only inherited from; with their folder, if any."""
    folder = config_folder()
    files = (path.relative_to(folder).with_suffix('') for path in folder.rglob('*.py'))
    return sorted(name.as_posix() for name in files if name.parts[0] != '_base_')


def find_config(given: str | Path) -> Path:
    """Return the file of a path, of the name of one of hrpose's configs, or of `PACKAGE::FILE`.

    Raises:
        UserError: no such file; the message names the nearest there are.
    """
    text = str(given)
    path = Path(text).expanduser()
    package, separator, inside = text.partition('::')
    if separator:
        path = config_folder(package) / (inside if inside.endswith('.py') else f'{inside}.py')
    elif not path.is_file() and text.removesuffix('.py') in config_names():
        path = config_folder() / f'{text.removesuffix(".py")}.py'
    if path.is_file():
        return path
    return _refuse(text, path)


def _refuse(text: str, path: Path) -> Path:
    folder, name = path.parent, path.name.removesuffix('.py')
    if '::' not in text and name in config_names():
        raise UserError(f'no config file {text}; hrpose brings one along: give its name alone, {name}')
    here = [other.name for other in folder.glob('*.py')] if folder.is_dir() else []
    if os.sep in text and not folder.is_dir():
        raise UserError(f'no config file {text}; there is no folder {folder}')
    shipped = [] if os.sep in text or '::' in text else config_names()
    wanted = path.name if path.suffix or not shipped else name
    raise UserError(f'no config file {text}; {nearest(wanted, {*here, *shipped})}')


@contextmanager
def bases_by_name() -> Iterator[None]:
    """Let `_base_` name hrpose's configs as `hrpose::FILE` while a config is read; mmengine knows its own list only."""
    original = Config._get_cfg_path

    def look_up(base: str, filename: str) -> tuple[str, str | None]:
        # Without a scope of their own: mmengine would write the scope of other packages into every part.
        return (str(find_config(base)), None) if base.startswith('hrpose::') else original(base, filename)

    Config._get_cfg_path = staticmethod(look_up)
    try:
        yield
    finally:
        Config._get_cfg_path = staticmethod(original)
