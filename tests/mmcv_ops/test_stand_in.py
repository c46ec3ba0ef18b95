"""The stand-in for mmcv's compiled ops: used only if they are missing, complete, and equal to them."""

import subprocess
import sys

import numpy as np
import pytest
import torch

from hrpose.errors import UserError
from hrpose.mmcv_ops import supplied_ops
from tests.mmcv_ops import slow
from tests.mmcv_ops.cases import compiled, ops, stand_in

SUPPLIED = supplied_ops()


def run(script: str, **options) -> str:
    done = subprocess.run([sys.executable, '-c', script], capture_output=True, text=True, timeout=60, **options)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_supplying_ops_imports_nothing_and_happens_once():
    script = """
import sys
from hrpose.mmcv_ops import supply_mmcv_ops
before = len(sys.meta_path)
supply_mmcv_ops(), supply_mmcv_ops()
print(len(sys.meta_path) - before, *[name for name in ('torch', 'mmcv', 'numpy') if name in sys.modules])
"""
    assert run(script).split() == ['1']


def test_a_compiled_extension_is_found_first(tmp_path):
    (tmp_path / 'mmcv').mkdir()
    (tmp_path / 'mmcv' / '__init__.py').write_text('')
    (tmp_path / 'mmcv' / '_ext.py').write_text("nms = 'the compiled one'\n")
    script = """
from hrpose.mmcv_ops import has_compiled_ops, supply_mmcv_ops
supply_mmcv_ops()
import mmcv._ext
print(has_compiled_ops(), mmcv._ext.nms)
"""
    found = run(f'import sys; sys.path.insert(0, {str(tmp_path)!r})\n{script}')
    assert found.strip() == 'True the compiled one'


@stand_in
def test_a_missing_op_says_how_to_get_it_when_called():
    import mmcv._ext

    layer = ops.DeformConv2d(2, 2, 3)
    with pytest.raises(UserError, match=r"op 'deform_conv_forward' .*nms.*--no-build-isolation"):
        layer(torch.zeros(1, 2, 8, 8), torch.zeros(1, 18, 6, 6))
    assert not hasattr(mmcv._ext, '__wrapped__')


@stand_in
@pytest.mark.parametrize('name', sorted(SUPPLIED))
def test_mmcv_finds_the_supplied_ops(name):
    import mmcv._ext

    assert getattr(mmcv._ext, name) is SUPPLIED[name]


@pytest.mark.parametrize('weighted', [False, True])
def test_focal_loss_and_gradient_are_those_of_mmdets_python(weighted, rng):
    losses = pytest.importorskip('mmdet.models.losses.focal_loss')
    logits = torch.tensor(rng.normal(0, 3, (40, 4)), requires_grad=True)
    target = torch.tensor(rng.integers(0, 5, 40))  # 4 is background
    weight = torch.tensor(rng.uniform(size=4)) if weighted else None
    ours = ops.sigmoid_focal_loss(logits, target, 1.7, 0.3, weight, 'none')
    one_hot = torch.nn.functional.one_hot(target, 5)[:, :4]
    theirs = losses.py_sigmoid_focal_loss(logits, one_hot, gamma=1.7, alpha=0.3, reduction='none')
    if weighted:
        theirs = theirs * weight[target.clamp(max=3)][:, None]
    torch.testing.assert_close(ours, theirs)
    gradients = [torch.autograd.grad(loss.square().sum(), logits)[0] for loss in (ours, theirs)]
    torch.testing.assert_close(*gradients)


def test_deformable_attention_is_that_of_mmcvs_python(rng):
    from mmcv.ops.multi_scale_deform_attn import MultiScaleDeformableAttnFunction, multi_scale_deformable_attn_pytorch

    shapes = torch.tensor([[4, 6], [2, 3]])
    sizes = [(2, 30, 3, 5), (2, 7, 3, 2, 4, 2), (2, 7, 3, 2, 4)]
    value, locations, weights = (torch.tensor(rng.uniform(size=size), requires_grad=True) for size in sizes)
    starts = torch.tensor([0, 24])
    ours = MultiScaleDeformableAttnFunction.apply(value, shapes, starts, locations, weights, 64)
    theirs = multi_scale_deformable_attn_pytorch(value, shapes, locations, weights)
    torch.testing.assert_close(ours, theirs)
    inputs = (value, locations, weights)
    for one, other in zip(*(torch.autograd.grad(out.square().sum(), inputs) for out in (ours, theirs)), strict=True):
        torch.testing.assert_close(one, other)


@compiled
def test_the_compiled_ops_and_the_stand_in_agree(rng):
    import mmcv._ext

    assert mmcv._ext.nms is not SUPPLIED['nms']
    corner = rng.uniform(0, 200, (500, 2))
    boxes = torch.tensor(np.concatenate([corner, corner + rng.uniform(5, 80, (500, 2))], axis=1), dtype=torch.float32)
    scores = torch.tensor(rng.permutation(500) / 500, dtype=torch.float32)
    ours, theirs = (nms(boxes, scores, iou_threshold=0.5, offset=0) for nms in (SUPPLIED['nms'], mmcv._ext.nms))
    assert ours.tolist() == theirs.tolist()
    features = torch.tensor(rng.normal(size=(2, 4, 16, 20)), dtype=torch.float32, requires_grad=True)
    rois = torch.cat([torch.arange(500)[:, None] % 2, boxes / 3], dim=1)
    for mode in ('avg', 'max'):
        out = ops.roi_align(features, rois, (7, 7), 0.25, 0, mode, True)
        again, *places = (torch.zeros_like(out) for _ in range(3))
        options = dict(aligned_height=7, aligned_width=7, spatial_scale=0.25, sampling_ratio=0, aligned=True)
        number = int(mode == 'avg')
        SUPPLIED['roi_align_forward'](features, rois, again, *places, pool_mode=number, **options)
        torch.testing.assert_close(again, out, rtol=1e-4, atol=1e-4)
        gradient = torch.zeros_like(features)
        SUPPLIED['roi_align_backward'](torch.ones_like(out), rois, *places, gradient, pool_mode=number, **options)
        torch.testing.assert_close(gradient, torch.autograd.grad(out.sum(), features)[0], rtol=1e-3, atol=1e-3)


def test_the_reference_interpolates_a_plane_exactly():
    rows, columns = np.mgrid[:6, :8]
    plane = 2.0 * rows - 3.0 * columns + 1
    assert slow.bilinear(plane, 2.25, 4.5) == pytest.approx(2 * 2.25 - 3 * 4.5 + 1)
    assert slow.bilinear(plane, -1.01, 3) == 0 == slow.bilinear(plane, 3, 8.01)
    assert slow.bilinear(plane, -0.99, 3) == plane[0, 3]
