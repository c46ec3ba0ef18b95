"""The definitions of the ops as plain loops: the reference of the vectorised ones."""

import math

import numpy as np


def iou(a, b, offset=0):
    """Return the IoU of two boxes xyxy."""
    width = max(min(a[2], b[2]) - max(a[0], b[0]) + offset, 0)
    height = max(min(a[3], b[3]) - max(a[1], b[1]) + offset, 0)
    areas = [(box[2] - box[0] + offset) * (box[3] - box[1] + offset) for box in (a, b)]
    union = sum(areas) - width * height
    return width * height / union if union else math.nan


def nms(boxes, scores, threshold, offset=0):
    """Return the indices that greedy NMS keeps, best first."""
    kept = []
    for index in sorted(range(len(boxes)), key=lambda index: -scores[index]):
        if not any(iou(boxes[index], boxes[other], offset) > threshold for other in kept):
            kept.append(index)
    return kept


def soft_nms(boxes, scores, threshold, sigma, min_score, method):
    """Return (index, score when taken), best first."""
    left, taken = dict(enumerate(scores)), []
    while left:
        best = max(left, key=left.__getitem__)
        taken.append((best, left.pop(best)))
        for index in list(left):
            overlap = iou(boxes[best], boxes[index])
            factor = {0: 0.0, 1: 1 - overlap}.get(method) if overlap >= threshold else 1.0
            left[index] *= math.exp(-(overlap**2) / sigma) if method == 2 else factor
            if left[index] < min_score:
                del left[index]
    return taken


def bilinear(plane, y, x):
    """Return a feature map's (H, W) value at a place in cells; 0 further than one cell outside."""
    height, width = plane.shape
    if not (-1 <= y <= height and -1 <= x <= width):
        return 0.0
    y, x = min(max(y, 0), height - 1), min(max(x, 0), width - 1)
    top, left = int(y), int(x)
    low, right = min(top + 1, height - 1), min(left + 1, width - 1)
    down, across = y - top, x - left
    upper = plane[top, left] * (1 - across) + plane[top, right] * across
    lower = plane[low, left] * (1 - across) + plane[low, right] * across
    return upper * (1 - down) + lower * down


def roi_align(features, rois, size, scale, sampling_ratio, mode, aligned):
    """Return (R, C, P, Q) float64, one sample at a time."""
    out = np.zeros((len(rois), features.shape[1], *size))
    for number, (image, *box) in enumerate(rois):
        x1, y1, x2, y2 = (value * scale - (0.5 if aligned else 0) for value in box)
        height, width = y2 - y1, x2 - x1
        if not aligned:
            height, width = max(height, 1.0), max(width, 1.0)
        bin_height, bin_width = height / size[0], width / size[1]
        down = sampling_ratio or math.ceil(bin_height)
        across = sampling_ratio or math.ceil(bin_width)
        for channel, row, column in np.ndindex(features.shape[1], *size):
            values = [
                bilinear(
                    features[int(image), channel],
                    y1 + row * bin_height + (i + 0.5) * bin_height / down,
                    x1 + column * bin_width + (j + 0.5) * bin_width / across,
                )
                for i in range(down)
                for j in range(across)
            ]
            if values:
                out[number, channel, row, column] = max(values) if mode == 'max' else sum(values) / len(values)
    return out
