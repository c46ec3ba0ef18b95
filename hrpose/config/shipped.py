"""Find the configs that come with hrpose by name: in configs/ of a clone, in a copy of it in a wheel.

A command takes the name `hrnet_w32_coco_256x192` for a config. A user's config, wherever it lies, inherits by
`_base_ = ['hrpose::hrnet_w32_coco_256x192.py']`.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from mmengine.config import Config

from hrpose.config.mmpose import names_here
from hrpose.errors import UserError, similar
from hrpose.files import expanded

# Where installed packages of OpenMMLab keep their configs; setup.py copies hrpose's there.
INSTALLED = Path('.mim') / 'configs'


def config_folder(package: str = 'hrpose') -> Path:
    """Return the folder with an installed package's configs; in a clone of hrpose, configs/.

    Raises:
        UserError: no such package.
    """
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise UserError(f'{package}::… names the configs of a package, and no package {package} is installed')
    root = Path(spec.submodule_search_locations[0]).resolve()
    return root.parent / 'configs' if package == 'hrpose' and not (root / INSTALLED).is_dir() else root / INSTALLED


def config_names() -> list[str]:
    """Return the names of hrpose's configs with their subfolders, without those in _base_."""
    folder = config_folder()
    files = (path.relative_to(folder).with_suffix('') for path in folder.rglob('*.py'))
    return sorted(name.as_posix() for name in files if name.parts[0] != '_base_')


def find_config(given: str | Path) -> Path:
    """Return the file of a path, of the name of one of hrpose's configs, or of `PACKAGE::FILE`.

    Raises:
        UserError: no such file; the message names those with similar names.
    """
    text = str(given)
    path = expanded(text)
    package, separator, inside = text.partition('::')
    if separator:
        path = config_folder(package) / (inside if inside.endswith('.py') else f'{inside}.py')
    elif not path.is_file() and text.removesuffix('.py') in config_names():
        path = config_folder() / f'{text.removesuffix(".py")}.py'
    if not path.is_file():
        raise UserError(f'no config file {text}; {_advice(text, path)}')
    return path


def _advice(text: str, path: Path) -> str:
    folder, name = path.parent, path.name.removesuffix('.py')
    if '::' not in text and name in config_names():
        return f'hrpose has a config of that name: give the name alone, {name}'
    if (ours := names_here(text, config_names())) is not None:
        instead = f', and hrpose has {" and ".join(ours)} in its place' if ours else ''
        return f"the name is mmpose's{instead}; hrpose migrate turns mmpose's file into a config of hrpose"
    if os.sep in text and not folder.is_dir():
        return f'there is no folder {folder}'
    here = [other.name for other in folder.glob('*.py')]
    shipped = [] if os.sep in text or '::' in text else config_names()
    near = similar(path.name if path.suffix or not shipped else name, {*here, *shipped}).removeprefix('; ')
    return near or 'give the path of a config, or a name that `hrpose models` lists'


@contextmanager
def bases_by_name() -> Iterator[None]:
    """Let `_base_` name hrpose's configs as `hrpose::FILE` while a config is read; mmengine knows OpenMMLab's only."""
    original = Config._get_cfg_path

    def look_up(base: str, filename: str) -> tuple[str, str | None]:
        # With None as scope. mmengine would otherwise write a scope into every part.
        return (str(find_config(base)), None) if base.startswith('hrpose::') else original(base, filename)

    Config._get_cfg_path = staticmethod(look_up)
    try:
        yield
    finally:
        Config._get_cfg_path = staticmethod(original)
