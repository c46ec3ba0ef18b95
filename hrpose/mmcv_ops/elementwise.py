"""Ops that detectors call on a GPU only; on a CPU mmdet and mmcv use their own PyTorch code."""

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
        weight: (C,) factor of each target class, or empty.
        output: (N, C), filled in place.
        gamma: exponent that reduces the loss of easy examples.
        alpha: weight of the target class; other classes have 1 - alpha.
    """
    output.copy_(_sigmoid_focal_loss(input, target, weight, gamma, alpha))


def sigmoid_focal_loss_backward(
    input: Tensor, target: Tensor, weight: Tensor, grad_input: Tensor, *, gamma: float, alpha: float
) -> None:
    """Fill `grad_input` (N, C) with the derivative of each loss by its logit. Other arguments: see the forward pass."""
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
    """Return multi-scale deformable attention (Zhu et al., Deformable DETR, 2021), computed by mmcv's PyTorch code.

    Args:
        value: (B, cells of all levels, heads, channels).
        shapes: (levels, 2) height and width of each level.
        starts: not used.
        locations: (B, queries, heads, levels, points, 2), x and y from 0 to 1.
        weights: (B, queries, heads, levels, points).
        im2col_step: not used; the compiled op splits the batch by it.

    Returns:
        (B, queries, heads * channels).
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
    """Fill the three gradients, each with the shape of its input. Other arguments: see the forward pass."""
    with torch.enable_grad():
        inputs = [tensor.detach().requires_grad_() for tensor in (value, locations, weights)]
        output = ms_deform_attn_forward(inputs[0], shapes, starts, inputs[1], inputs[2], **options)
    gradients = torch.autograd.grad(output, inputs, grad_output)
    for target, gradient in zip((grad_value, grad_locations, grad_weights), gradients, strict=True):
        target.copy_(gradient)
