"""Non-maximum suppression as mmcv's compiled ops define it: greedy, and with decaying scores (soft NMS).

N boxes. A box is xyxy in px; its sides are `x2 - x1 + offset` and `y2 - y1 + offset` long, with offset 0 or 1.
"""

import numpy as np
import torch
from torch import Tensor

# Boxes in a block. The IoU matrix of a block fits into the cache of a processor.
_BLOCK = 256

_NAIVE, _LINEAR, _GAUSSIAN = 0, 1, 2


def nms(boxes: Tensor, scores: Tensor, *, iou_threshold: float, offset: int) -> Tensor:
    """Return the indices of the boxes that no kept box with a higher score overlaps by more than `iou_threshold`.

    Boxes are taken in blocks, best first: one IoU matrix and a greedy pass within the block, then one matrix of its
    kept boxes with all remaining boxes. Of equal scores the first ranks higher.

    Args:
        boxes: (N, 4) xyxy, on any device.
        scores: (N,).
        iou_threshold: a higher IoU suppresses.
        offset: 0 or 1.

    Returns:
        (kept,) int64, highest score first.
    """
    order = scores.argsort(descending=True, stable=True)
    boxes = boxes[order].to(torch.promote_types(boxes.dtype, torch.float32))
    kept = [order.new_empty(0)]
    left = torch.arange(len(boxes), device=boxes.device)
    while len(left):
        block, left = left[:_BLOCK], left[_BLOCK:]
        overlaps = pairwise_iou(boxes[block], boxes[block], offset) > iou_threshold
        block = block[torch.from_numpy(_greedy(overlaps.cpu().numpy())).to(block.device)]
        kept.append(block)
        if len(left):
            left = left[~(pairwise_iou(boxes[block], boxes[left], offset) > iou_threshold).any(dim=0)]
    return order[torch.cat(kept)]


def _greedy(overlaps: np.ndarray) -> np.ndarray:
    """Return which of N boxes, best first, are kept, given which pairs overlap: (N, N) bool -> (N,) bool."""
    suppressed = np.zeros(len(overlaps), dtype=bool)
    for index, row in enumerate(np.triu(overlaps, 1)):
        if not suppressed[index]:
            suppressed |= row
    return ~suppressed


def pairwise_iou(a: Tensor, b: Tensor, offset: int = 0) -> Tensor:
    """Return the IoU (M, N) of the boxes `a` (M, 4) and `b` (N, 4), xyxy; two empty boxes give NaN."""
    width, height = (
        torch.minimum(a[:, None, axis + 2], b[:, axis + 2])
        .sub_(torch.maximum(a[:, None, axis], b[:, axis]))
        .add_(offset)
        .clamp_(min=0)
        for axis in (0, 1)
    )
    shared = width.mul_(height)
    areas = [(boxes[:, 2:] - boxes[:, :2] + offset).prod(dim=-1) for boxes in (a, b)]
    return shared / (areas[0][:, None] + areas[1] - shared)


def softnms(
    boxes: Tensor,
    scores: Tensor,
    dets: Tensor,
    *,
    iou_threshold: float,
    sigma: float,
    min_score: float,
    method: int,
    offset: int,
) -> Tensor:
    """Take the best box repeatedly and lower the scores of the boxes that overlap it (Bodla et al., 2017).

    Args:
        boxes: (N, 4) xyxy.
        scores: (N,).
        dets: (N, 5), filled in place with boxes and decayed scores, best first.
        iou_threshold: lowest IoU at which methods 0 and 1 lower scores.
        sigma: of method 2.
        min_score: boxes with a lower score are dropped.
        method: 0 drops, 1 multiplies by 1 - IoU, 2 by exp(-IoU^2 / sigma).
        offset: 0 or 1.

    Returns:
        (kept,) int64 indices, in the order of `dets`.
    """
    scores = scores.clone()
    left = torch.ones_like(scores, dtype=torch.bool)
    taken: list[int] = []
    while left.any():
        best = int(torch.where(left, scores, -torch.inf).argmax())
        dets[len(taken), :4], dets[len(taken), 4] = boxes[best], scores[best]
        taken.append(best)
        left[best] = False
        overlaps = pairwise_iou(boxes[best : best + 1], boxes, offset)[0].nan_to_num(0)
        scores *= _decay(overlaps, iou_threshold, sigma, method)
        left &= scores >= min_score
    return torch.tensor(taken, dtype=torch.int64)


def _decay(overlaps: Tensor, iou_threshold: float, sigma: float, method: int) -> Tensor:
    if method == _GAUSSIAN:
        return torch.exp(-overlaps.square() / sigma)
    lowered = 1 - overlaps if method == _LINEAR else torch.zeros_like(overlaps)
    return torch.where(overlaps >= iou_threshold, lowered, torch.ones_like(overlaps))
