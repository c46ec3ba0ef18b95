"""A config's `type` names a registered part and nothing else; mmengine calls whatever can be imported by such a name.

`dict(type='os.system', command='…')` would run a program, and `--cfg-options` or somebody's config may say so.
"""

import importlib
import sys
import weakref
from typing import Any

from mmengine import registry as root
from mmengine.registry import registry as by_name

_MADE: weakref.WeakSet = weakref.WeakSet()  # every registry that is made from now on, a plug-in's own too


def require_registered_parts() -> None:
    """Make every registry, mmengine's own too, take a full name such as 'mmengine.model.ImgDataPreprocessor' only if
    what it names is registered somewhere. To find out, only what registers parts is imported, never what is named.
    """
    # Not in `__init__`, which looks at its caller for the name of the toolbox.
    by_name.Registry.__new__ = _made_known
    by_name.get_object_from_string = _registered


def _made_known(kind: type, *_: Any, **__: Any) -> Any:
    made: Any = object.__new__(kind)
    _MADE.add(made)
    return made


def _registered(name: str) -> Any:
    """Return the registered part of a full name, None if there is none."""
    found = _part_of(name)
    if found is None:
        importlib.import_module('mmcv.cnn')  # registers layers of PyTorch's
        for registry in _registries():
            registry.import_from_location()
        found = _part_of(name)
    return found


def _part_of(name: str) -> Any:
    module, _, attribute = name.rpartition('.')
    found = getattr(sys.modules.get(module), attribute, None)
    parts = (part for registry in _registries() for part in registry.module_dict.values())
    return found if any(found is part for part in parts) else None


def _registries() -> list[Any]:
    return [value for value in vars(root).values() if isinstance(value, root.Registry)] + list(_MADE)
