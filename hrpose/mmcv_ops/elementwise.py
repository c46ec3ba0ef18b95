"""Ops that detectors call on a GPU only, because on a CPU mmdet and mmcv use PyTorch code of their own for them."""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional


def sigmoid_focal_loss_forward(
    input: Tensor, target: Tensor, weight: Tensor, output: Tensor, *, gamma: float, alpha: float
) -> None:
    """Fill `output` with the focal loss of each logit (Lin et al., 2017, equation 5).

    Args:
        input: (N, C) logits.
        target: (N,) int64 class; C or more is background.
        weight: (C,) factor of each target class, or of no size.
        output: (N, C).
        gamma: exponent that makes easy examples count less.
        alpha: share of the target's class; the others have 1 - alpha.
    """
    output.copy_(_sigmoid_focal_loss(input, target, weight, gamma, alpha))


def sigmoid_focal_loss_backward(
    input: Tensor, target: Tensor, weight: Tensor, grad_input: Tensor, *, gamma: float, alpha: float
) -> None:
    """Fill `grad_input` (N, C) with the loss's derivative by its logit; the others as in the forward pass."""
    with torch.enable_grad():
        logits = input.detach().requires_grad_()
        loss = _sigmoid_focal_loss(logits, target, weight, gamma, alpha).sum()
    grad_input.copy_(torch.autograd.grad(loss, logits)[0])


def _sigmoid_focal_loss(logits: Tensor, target: Tensor, weight: Tensor, gamma: float, alpha: float) -> Tensor:
    classes = logits.shape[1]
    is_target = target[:, None] == torch.arange(classes, device=target.device)
    signed = torch.where(is_target, logits, -logits)
    balance = alpha * is_target + (1 - alpha) * ~is_target
    loss = -balance * torch.sigmoid(-signed) ** gamma * functional.logsigmoid(signed)
    return loss * weight[target.clamp(max=classes - 1)][:, None] if weight.numel() else loss


def ms_deform_attn_forward(
    value: Tensor, shapes: Tensor, starts: Tensor, locations: Tensor, weights: Tensor, *, im2col_step: int
) -> Tensor:
    """Return multi-scale deformable attention (Zhu et al., Deformable DETR, 2021), by mmcv's own PyTorch code.

    Args:
        value: (B, cells of all levels, heads, channels a head).
        shapes: (levels, 2) height and width of each level.
        starts: not needed.
        locations: (B, queries, heads, levels, points, 2) in 0 to 1, x first.
        weights: (B, queries, heads, levels, points).
        im2col_step: not needed; how the compiled op splits the batch.

    Returns:
        (B, queries, heads x channels a head).
    """
    from mmcv.ops.multi_scale_deform_attn import multi_scale_deformable_attn_pytorch

    return multi_scale_deformable_attn_pytorch(value, shapes, locations, weights)


def ms_deform_attn_backward(
    value: Tensor,
    shapes: Tensor,
    starts: Tensor,
    locations: Tensor,
    weights: Tensor,
    grad_output: Tensor,
    grad_value: Tensor,
    grad_locations: Tensor,
    grad_weights: Tensor,
    **options: Any,
) -> None:
    """Fill the three gradients, each of its input's shape; the others as in the forward pass."""
    with torch.enable_grad():
        inputs = [tensor.detach().requires_grad_() for tensor in (value, locations, weights)]
        output = ms_deform_attn_forward(inputs[0], shapes, starts, inputs[1], inputs[2], **options)
    gradients = torch.autograd.grad(output, inputs, grad_output)
    for target, gradient in zip((grad_value, grad_locations, grad_weights), gradients, strict=True):
        target.copy_(gradient)
