"""Write a config in its shortest form: what it changes in the shipped config that is closest to it."""

import inspect
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from mmengine.config import Config

from hrpose import registry
from hrpose.config.migration.notes import as_tuples
from hrpose.config.shipped import bases_by_name, config_folder, config_names

MISSING = object()
# What is so where a config or a part without a type does not say it.
IMPLIED: dict[str, Any] = {'metainfo': 'coco'}
WIDTH = 120
COMBINED_BASES = ('_base_/recipe_mmpose',)


class Unreachable(Exception):
    """A value of a base that no child can take away."""


def shortest(target: Mapping[str, Any], out: Path) -> tuple[str, str]:
    """Return the name of the shipped config that gives the shortest text, and the text.

    Args:
        target: the whole config, before linking.
        out: the file that the text is for.
    """
    found = []
    for name in candidates():
        base = read_shipped(name)
        try:
            changed = changes(base, target)
        except Unreachable:
            continue
        text = render({'_base_': [base_name(name, out)], **changed})
        found.append((is_another(base, target), len(text), name, text))
    *_, name, text = min(found)
    return name, text


def is_another(base: Mapping[str, Any], target: Mapping[str, Any]) -> bool:
    """Say whether a base has another backbone or codec than `target`, which misleads the reader."""
    backbones = [part.get('model', {}).get('backbone', {}).get('type') for part in (base, target)]
    codecs = [part.get('codec', {}).get('type') for part in (base, target)]
    return any(first is not None and first != second for first, second in (backbones, codecs))


def candidates() -> list[str]:
    """Return the shipped configs of poses to inherit from, with the recipe that has no network of its own."""
    poses = [name for name in config_names() if '/' not in name and 'synthetic' not in name]
    return [*poses, *COMBINED_BASES]


@lru_cache(maxsize=128)
def read_shipped(name: str) -> dict[str, Any]:
    """Return one of hrpose's configs as it is written, without linking."""
    with bases_by_name():
        return Config.fromfile(str(config_folder() / f'{name}.py'), import_custom_modules=False)._cfg_dict.to_dict()


def base_name(name: str, out: Path) -> str:
    """Return the entry of `_base_`: a file name beside the shipped config, and its name elsewhere."""
    return f'{name}.py' if out.resolve().parent == config_folder().resolve() else f'hrpose::{name}.py'


def changes(base: Mapping[str, Any], target: Mapping[str, Any]) -> dict[str, Any]:
    """Return the top-level values that turn `base` into `target` by mmengine's merging.

    Raises:
        Unreachable: `base` has a value that `target` does not have.
    """
    if set(base) - set(target):
        raise Unreachable
    return _changes(base, target)


def _changes(base: Mapping[str, Any], target: Mapping[str, Any]) -> dict[str, Any]:
    defaults = defaults_of(target.get('type')) or IMPLIED
    changed: dict[str, Any] = {}
    for key in [*target, *(key for key in base if key not in target)]:
        before, after = (part.get(key, defaults.get(key, MISSING)) for part in (base, target))
        if same(before, after):
            continue
        if after is MISSING:
            return {'_delete_': True, **brief(target)}
        if key in base and isinstance(after, Mapping):
            is_merged = isinstance(base[key], Mapping)
            changed[key] = _changes(base[key], after) if is_merged else {'_delete_': True, **brief(after)}
        else:
            changed[key] = brief(after)
    return changed


def same(one: Any, other: Any) -> bool:
    """Say whether two values mean the same once defaults are filled in."""
    return as_plain(one) == as_plain(other)


def as_plain(value: Any) -> Any:
    """Return a value without defaults, lists as tuples."""
    value = brief(value)
    return {key: as_plain(item) for key, item in value.items()} if isinstance(value, Mapping) else _tuples(value)


def _tuples(value: Any) -> Any:
    return tuple(map(as_plain, value)) if isinstance(value, list | tuple) else as_tuples(value)


def brief(value: Any) -> Any:
    """Return a part, or a list of parts, without arguments that have their default."""
    if isinstance(value, list | tuple):
        return type(value)(map(brief, value))
    if not isinstance(value, Mapping):
        return value
    defaults = defaults_of(value.get('type'))
    return {
        key: brief(item)
        for key, item in value.items()
        if key not in defaults or as_tuples(defaults[key]) != as_tuples(item)
    }


@lru_cache(maxsize=256)
def defaults_of(name: str | None) -> dict[str, Any]:
    """Return the default of each argument that hrpose's part called `name` has; nothing for another part.

    Defaults of others are written out, as they may change with the version of their package.
    """
    kinds = [kind for kind in vars(registry).values() if isinstance(kind, registry.Registry)]
    part = next((kind.get(name) for kind in kinds if name and name in kind), None)
    defaults: dict[str, Any] = {}
    levels = part.__mro__ if isinstance(part, type) and part.__module__.startswith('hrpose.') else ()
    for level in levels:
        call = vars(level).get('__init__')
        if call is None or level is object:
            continue
        parameters = inspect.signature(call).parameters.values()
        for one in parameters:
            if one.default is not one.empty:
                defaults.setdefault(one.name, one.default)
        if not any(one.kind is one.VAR_KEYWORD for one in parameters):
            break
    return defaults


def render(values: Mapping[str, Any]) -> str:
    """Return top-level values as Python, formatted as hrpose's own configs are."""
    lines = [f'{key} = {_render(value, 0, len(key) + 3)}' for key, value in values.items()]
    return '\n'.join([lines[0], '', *lines[1:]]) + '\n'


def _render(value: Any, indent: int, used: int) -> str:
    """Return a value as Python; it begins in column `used`, and its lines are indented by `indent`."""
    if isinstance(value, Mapping) and all(str(key).isidentifier() for key in value):
        opening, closing = 'dict(', ')'
        items = [(f'{key}=', item) for key, item in value.items()]
    elif isinstance(value, Mapping):
        opening, closing = '{', '}'
        items = [(f'{key!r}: ', item) for key, item in value.items()]
    elif isinstance(value, list | tuple):
        opening, closing = ('[', ']') if isinstance(value, list) else ('(', ')')
        items = [('', item) for item in value]
    else:
        return repr(value)
    comma = ',' if isinstance(value, tuple) and len(value) == 1 else ''
    line = opening + ', '.join(f'{key}{_render(item, 0, -(10**6))}' for key, item in items) + comma + closing
    if used + len(line) < WIDTH or not items:
        return line
    inner = ' ' * (indent + 4)
    rows = [f'{inner}{key}{_render(item, indent + 4, indent + 4 + len(key))},' for key, item in items]
    return '\n'.join([opening, *rows, ' ' * indent + closing])
