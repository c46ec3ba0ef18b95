"""Find the file that each value of a config comes from.

The files are merged again, with a file's name in place of each of its values. The resulting tree is a dict with the
keys of the config, or the indices of a list, and with names of files at its leaves.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

from mmengine.config import Config

from hrpose.config.shipped import bases_by_name

Tree = dict[Any, Any]

OPTIONS = '--cfg-options'


def origin_tree(config: Path, options: Mapping[str, Any]) -> Tree:
    """Return the tree of a config's file, of all that it inherits, and of the options that override it."""
    tree: Tree = {}
    with bases_by_name():
        for file in inheritance(config):
            _merge(tree, own_values(file), str(file))
    for name, value in options.items():
        *path, last = [int(key) if key.isdigit() else key for key in name.split('.')]
        part = tree
        for key in path:
            part = part.setdefault(key, {})
        _merge(part, {last: value}, OPTIONS)
    return tree


def inheritance(config: Path) -> Iterator[Path]:
    """Yield the files that a config inherits from, bases first, then the config. Call it within `bases_by_name`."""
    for base in Config._get_base_files(str(config)):
        yield from inheritance(Path(Config._get_cfg_path(base, str(config))[0]).resolve())
    yield config


def own_values(file: Path) -> dict[str, Any]:
    """Return the values that one file itself says, without those that it inherits. This runs the file."""
    bases = Config._get_base_files(str(file))
    inherited = Config()
    for base in bases:
        path = Config._get_cfg_path(base, str(file))[0]
        inherited.merge_from_dict(Config.fromfile(path, import_custom_modules=False)._cfg_dict.to_dict())
    names: dict[str, Any] = {'_base_': inherited}
    # mmengine fills in what stands in double braces. Whatever it becomes, the value is this file's.
    exec(compile(re.sub(r'\{\{.*?\}\}', '0', file.read_text()), str(file), 'exec'), names)
    code = (ModuleType, FunctionType)
    return {name: value for name, value in names.items() if not name.startswith('_') and not isinstance(value, code)}


def _merge(tree: Tree, values: Mapping[Any, Any], origin: str) -> None:
    """Put `origin` wherever mmengine's merging puts a value of `values`."""
    for key, value in values.items():
        if isinstance(value, Mapping) and isinstance(tree.get(key), dict) and not value.get('_delete_'):
            _merge(tree[key], value, origin)
        else:
            tree[key] = _stamp(value, origin)


def _stamp(value: Any, origin: str) -> Any:
    if isinstance(value, Mapping) and value:
        return {key: _stamp(item, origin) for key, item in value.items() if key != '_delete_'}
    if isinstance(value, list) and value:
        return {index: _stamp(item, origin) for index, item in enumerate(value)}
    return origin


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """Yield the path and the value of each leaf of a config. An empty mapping or list is a leaf, too."""
    items = value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list) else ()
    if not items or not value:
        yield path, value
        return
    for key, item in items:
        yield from leaves(item, (*path, key))


def origin_of(tree: Any, path: tuple[Any, ...]) -> str | None:
    """Return where the value at `path` was written (of a mapping, its first entry); None if it was linked."""
    for key in path:
        if isinstance(tree, str):
            return tree
        if key not in tree:
            return None
        tree = tree[key]
    while isinstance(tree, dict) and tree:
        tree = next(iter(tree.values()))
    return tree if isinstance(tree, str) else None
