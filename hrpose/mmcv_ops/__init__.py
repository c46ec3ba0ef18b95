"""The stand-in for `mmcv._ext`, for where mmcv is installed without its compiled ops.

`import mmcv.ops`, and so `import mmdet.models`, imports the extension module `mmcv._ext`. `supply_mmcv_ops` adds a
finder behind all others: a compiled extension is found first, and the stand-in is loaded only if there is none.
"""

import importlib.util
import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any

_EXTENSION = 'mmcv._ext'


def supply_mmcv_ops() -> None:
    """Make `import mmcv.ops` work without compiled ops. Repeated calls change nothing."""
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.append(_Finder())


def has_compiled_ops() -> bool:
    """Return whether mmcv's compiled ops are installed; they are used then."""
    mmcv = importlib.util.find_spec('mmcv')
    return mmcv is not None and PathFinder.find_spec(_EXTENSION, mmcv.submodule_search_locations) is not None


class _Finder(MetaPathFinder):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        return ModuleSpec(fullname, _Loader(), origin='hrpose.mmcv_ops') if fullname == _EXTENSION else None


class _Loader(Loader):
    def exec_module(self, module: ModuleType) -> None:
        from hrpose.mmcv_ops.ops import SUPPLIED, missing_op

        def look_up(name: str) -> Any:
            if name.startswith('__'):
                raise AttributeError(f'module {_EXTENSION} has no attribute {name}')
            return missing_op(name)

        # mmcv asks for all its ops on import. Those that are not supplied raise when they are called.
        vars(module).update(SUPPLIED, __getattr__=look_up)
