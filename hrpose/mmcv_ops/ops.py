"""The ops of the stand-in for `mmcv._ext`, by the names that mmcv calls them."""

from collections.abc import Callable
from types import MappingProxyType
from typing import Any

from hrpose.errors import UserError
from hrpose.mmcv_ops.elementwise import (
    ms_deform_attn_backward,
    ms_deform_attn_forward,
    sigmoid_focal_loss_backward,
    sigmoid_focal_loss_forward,
)
from hrpose.mmcv_ops.nms import nms, softnms
from hrpose.mmcv_ops.roi_align import roi_align_backward, roi_align_forward

SUPPLIED = MappingProxyType(
    {
        op.__name__: op
        for op in (
            nms,
            softnms,
            roi_align_forward,
            roi_align_backward,
            sigmoid_focal_loss_forward,
            sigmoid_focal_loss_backward,
            ms_deform_attn_forward,
            ms_deform_attn_backward,
        )
    }
)

HOW_TO_COMPILE = (
    'pip install --force-reinstall --no-deps --no-build-isolation --no-binary onedl-mmcv onedl-mmcv '
    '(needs a C++ compiler, for a GPU nvcc too, and half an hour)'
)


def missing_op(name: str) -> Callable[..., Any]:
    """Return a function that says, when called, how to get the op `name`."""

    def op(*_: Any, **__: Any) -> None:
        raise UserError(
            f"mmcv's op '{name}' is asked for, and this mmcv was installed without compiled ops; hrpose stands in for "
            f'{", ".join(sorted(SUPPLIED))} only. To get the op, compile mmcv: {HOW_TO_COMPILE}'
        )

    op.__name__ = name
    return op
