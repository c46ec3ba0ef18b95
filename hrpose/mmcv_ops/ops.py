"""The supplied ops, by the names under which mmcv calls them."""

from collections.abc import Callable
from typing import Any

from hrpose.errors import UserError
from hrpose.mmcv_ops import elementwise, nms, roi_align

SUPPLIED: dict[str, Callable[..., Any]] = {
    'nms': nms.nms,
    'softnms': nms.softnms,
    'roi_align_forward': roi_align.roi_align_forward,
    'roi_align_backward': roi_align.roi_align_backward,
    'sigmoid_focal_loss_forward': elementwise.sigmoid_focal_loss_forward,
    'sigmoid_focal_loss_backward': elementwise.sigmoid_focal_loss_backward,
    'ms_deform_attn_forward': elementwise.ms_deform_attn_forward,
    'ms_deform_attn_backward': elementwise.ms_deform_attn_backward,
}

HOW_TO_COMPILE = (
    'pip install --force-reinstall --no-deps --no-build-isolation --no-binary onedl-mmcv onedl-mmcv '
    '(needs a C++ compiler, for a GPU also nvcc, and half an hour)'
)


def missing_op(name: str) -> Callable[..., Any]:
    """Return a function that raises a `UserError`, which says how to get the op `name`."""

    def op(*_: Any, **__: Any) -> None:
        raise UserError(
            f"mmcv's op '{name}' is missing: mmcv is installed without compiled ops, and hrpose's stand-in has only "
            f'{", ".join(sorted(SUPPLIED))}; to get it, compile mmcv: {HOW_TO_COMPILE}'
        )

    op.__name__ = name
    return op
