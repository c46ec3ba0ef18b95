"""The stand-in for `mmcv._ext`, for where mmcv is installed without its compiled ops.

`import mmcv.ops`, and so `import mmdet.models`, imports the extension module `mmcv._ext`. `supply_mmcv_ops` adds a
finder behind all others: a compiled extension is found first, and the stand-in is loaded only if there is none.
"""

import importlib.util
import sys
from collections.abc import Callable, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any

from hrpose.errors import UserError

_EXTENSION = 'mmcv._ext'
HOW_TO_COMPILE = (
    'pip install --force-reinstall --no-deps --no-build-isolation --no-binary onedl-mmcv onedl-mmcv '
    '(needs a C++ compiler, for a GPU also nvcc, and half an hour)'
)


def supply_mmcv_ops() -> None:
    """Make `import mmcv.ops` work without compiled ops. Repeated calls change nothing."""
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.append(_Finder())


def has_compiled_ops() -> bool:
    """Return whether mmcv's compiled ops are installed; they are used then."""
    mmcv = importlib.util.find_spec('mmcv')
    return mmcv is not None and PathFinder.find_spec(_EXTENSION, mmcv.submodule_search_locations) is not None


def supplied_ops() -> dict[str, Callable[..., Any]]:
    """Return the ops of the stand-in by the names under which mmcv calls them."""
    from hrpose.mmcv_ops import elementwise, nms, roi_align

    ops: tuple[Any, ...] = (
        nms.nms,
        nms.softnms,
        roi_align.roi_align_forward,
        roi_align.roi_align_backward,
        elementwise.sigmoid_focal_loss_forward,
        elementwise.sigmoid_focal_loss_backward,
        elementwise.ms_deform_attn_forward,
        elementwise.ms_deform_attn_backward,
    )
    return {op.__name__: op for op in ops}


class _Finder(MetaPathFinder):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        return ModuleSpec(fullname, _Loader(), origin='hrpose.mmcv_ops') if fullname == _EXTENSION else None


class _Loader(Loader):
    def exec_module(self, module: ModuleType) -> None:
        supplied = supplied_ops()

        def missing_op(name: str) -> Callable[..., Any]:
            if name.startswith('__'):
                raise AttributeError(f'module {_EXTENSION} has no attribute {name}')

            def op(*_: Any, **__: Any) -> None:
                raise UserError(
                    f"mmcv's op '{name}' is missing: mmcv is installed without compiled ops, and hrpose's stand-in has "
                    f'only {", ".join(sorted(supplied))}; to get it, compile mmcv: {HOW_TO_COMPILE}'
                )

            return op

        # mmcv asks for all its ops on import. Those that are not supplied raise when they are called.
        vars(module).update(supplied, __getattr__=missing_op)
