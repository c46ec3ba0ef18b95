"""Which parts are registered: a config's `type` may name these and nothing else.

mmengine would call whatever can be imported by such a name: `dict(type='os.system', command=…)` would run a program.
"""

import importlib
import sys
from collections.abc import Iterator
from functools import lru_cache
from types import ModuleType
from typing import Any

import mmengine.registry
from mmengine.registry import Registry


def registered_part(name: str) -> Any:
    """Return the registered part with the full name `name`, for instance 'torch.nn.ReLU'; None if there is none.

    Modules that register parts are imported for this, the named one is not.
    """
    module, dot, attribute = name.rpartition('.')
    if not dot:
        return None
    part = getattr(sys.modules.get(module), attribute, None)
    if not is_registered(part):
        _import_parts(len(sys.modules))
        part = getattr(sys.modules.get(module), attribute, None)
    return part if is_registered(part) else None


@lru_cache(maxsize=1)
def _import_parts(modules: int) -> None:
    """Import every module that registers parts; again only if the number of imported `modules` has changed since.

    A look-up that finds nothing comes here, and a config of mmdet's makes a thousand of them.
    """
    importlib.import_module('mmcv.cnn')  # registers PyTorch's layers
    for registry in all_registries():
        registry.import_from_location()


def is_registered(part: Any) -> bool:
    """Return whether a registry has this class or function now. Import nothing."""
    return part is not None and any(
        part is known for registry in _registries() for known in registry.module_dict.values()
    )


def all_registries() -> list[Registry]:
    """Return mmengine's registries and their children, then the others that any imported module has."""
    return list(dict.fromkeys(_registries()))


def _registries() -> Iterator[Registry]:
    for value in list(vars(mmengine.registry).values()):
        if isinstance(value, Registry):
            yield from _with_children(value)
    for module in list(sys.modules.values()):
        if isinstance(module, ModuleType):
            # By `type`: `isinstance` would ask lazy objects for their class, which may import something.
            yield from (value for value in list(vars(module).values()) if issubclass(type(value), Registry))


def _with_children(registry: Registry) -> Iterator[Registry]:
    yield registry
    for child in registry.children.values():
        yield from _with_children(child)
