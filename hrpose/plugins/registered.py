"""A config's `type` names a registered part and nothing else; mmengine calls whatever can be imported by such a name.

`dict(type='os.system', command='…')` would run a program, and `--cfg-options` or somebody's config may say so.
"""

import sys
from collections.abc import Iterator
from typing import Any

from mmengine import registry as root
from mmengine.registry import registry as by_name


def require_registered_parts() -> None:
    """Make every registry, mmengine's own too, take a full name such as 'mmengine.model.ImgDataPreprocessor' only if
    what it names is registered somewhere; nothing is imported to find out.
    """
    by_name.get_object_from_string = _registered


def _registered(name: str) -> Any:
    """Return the registered part of a full name, None if there is none."""
    module, _, attribute = name.rpartition('.')
    found = getattr(sys.modules.get(module), attribute, None)
    registries = [value for value in vars(root).values() if isinstance(value, root.Registry)]
    return found if any(found is part for part in _parts(registries)) else None


def _parts(registries: list[Any]) -> Iterator[Any]:
    for registry in registries:
        yield from registry.module_dict.values()
        yield from _parts(list(registry.children.values()))
