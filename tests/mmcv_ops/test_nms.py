"""NMS of the stand-in, called by mmcv's functions: the definition, ties, the number of operations."""

import numpy as np
import pytest
import torch

from hrpose.mmcv_ops.nms import pairwise_iou
from tests.mmcv_ops import slow
from tests.mmcv_ops.cases import ops, stand_in


def clustered(count: int, clusters: int, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Return boxes (N, 4) xyxy in clusters, as from a detector, and distinct scores (N,)."""
    rng = np.random.default_rng(seed)
    centres = rng.uniform((0, 0, 20, 20), (500, 400, 120, 220), (clusters, 4))
    x, y, width, height = (centres[rng.integers(clusters, size=count)] + rng.normal(0, 6, (count, 4))).T
    boxes = np.stack([x, y, x + abs(width), y + abs(height)], axis=1)
    return torch.tensor(boxes, dtype=torch.float32), torch.tensor(rng.permutation(count) / count, dtype=torch.float32)


def test_iou_is_that_of_each_pair():
    boxes, _ = clustered(20, 3)
    expected = [[slow.iou(a, b) for b in boxes.double().tolist()] for a in boxes[:7].double().tolist()]
    torch.testing.assert_close(pairwise_iou(boxes[:7].double(), boxes.double()), torch.tensor(expected).double())


@pytest.mark.parametrize('offset', [0, 1])
@pytest.mark.parametrize('threshold', [0.0, 0.3, 0.65, 1.0])
@pytest.mark.parametrize(('count', 'clusters'), [(0, 1), (1, 1), (50, 5), (256, 40), (257, 4), (700, 20)])
def test_nms_is_the_greedy_definition(count, clusters, threshold, offset):
    boxes, scores = clustered(count, clusters, seed=count)
    dets, kept = ops.nms(boxes, scores, threshold, offset=offset)
    assert kept.tolist() == slow.nms(boxes.tolist(), scores.tolist(), threshold, offset)
    torch.testing.assert_close(dets, torch.cat([boxes, scores[:, None]], dim=1)[kept], rtol=0, atol=0)


def test_of_equal_scores_the_first_is_kept():
    boxes = torch.tensor([[0.0, 0, 10, 10], [1, 0, 11, 10], [50, 0, 60, 10]])
    assert ops.nms(boxes, torch.ones(3), 0.5)[1].tolist() == [0, 2]


def test_boxes_without_an_area_suppress_nothing():
    boxes = torch.zeros(3, 4)
    assert ops.nms(boxes, torch.ones(3), 0.5)[1].tolist() == [0, 1, 2]


@stand_in
def test_large_boxes_in_half_precision_do_not_overflow():
    boxes, scores = (
        torch.tensor([[0.0, 0, 900, 900], [0, 0, 900, 880], [0, 0, 300, 900]]).half(),
        torch.arange(3, 0, -1),
    )
    assert ops.nms(boxes, scores.half(), 0.5)[1].tolist() == [0, 2]


def test_classes_do_not_suppress_one_another():
    boxes, scores = clustered(200, 5)
    classes = torch.arange(200) % 2
    _, kept = ops.batched_nms(boxes, scores, classes, dict(type='nms', iou_threshold=0.5))
    each = [slow.nms(boxes[i::2].tolist(), scores[i::2].tolist(), 0.5) for i in (0, 1)]
    assert sorted(kept.tolist()) == sorted([2 * index for index in each[0]] + [2 * index + 1 for index in each[1]])


@pytest.mark.parametrize('method', ['naive', 'linear', 'gaussian'])
def test_soft_nms_lowers_scores_as_defined(method):
    boxes, scores = clustered(60, 6)
    dets, kept = ops.soft_nms(boxes, scores, 0.3, sigma=0.5, min_score=0.05, method=method)
    number = ('naive', 'linear', 'gaussian').index(method)
    expected = slow.soft_nms(boxes.tolist(), scores.tolist(), 0.3, 0.5, 0.05, number)
    assert kept.tolist() == [index for index, _ in expected]
    assert dets[:, 4].tolist() == pytest.approx([score for _, score in expected], abs=1e-5)
    torch.testing.assert_close(dets[:, :4], boxes[kept], rtol=0, atol=0)


@stand_in
def test_a_thousand_boxes_take_two_iou_matrices_a_block(monkeypatch):
    sizes = []

    def counted(a, b, offset):
        sizes.append((len(a), len(b)))
        return pairwise_iou(a, b, offset)

    monkeypatch.setattr('hrpose.mmcv_ops.nms.pairwise_iou', counted)
    boxes, scores = clustered(1000, 500)
    kept = ops.nms(boxes, scores, 0.6)[1]
    blocks = -(-1000 // 256)
    assert len(kept) > 256 and len(sizes) <= 2 * blocks
    assert max(rows for rows, _ in sizes) <= 256


@pytest.mark.skipif(not torch.cuda.is_available(), reason='needs a GPU')
def test_on_a_gpu_nms_keeps_the_same():
    boxes, scores = clustered(1000, 50)
    kept = ops.nms(boxes.cuda(), scores.cuda(), 0.6)[1]
    assert kept.is_cuda
    assert kept.tolist() == ops.nms(boxes, scores, 0.6)[1].tolist()
