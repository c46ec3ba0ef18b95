"""Compare the results of a device with the CPU's: network, codec, loss, flip test, and mmcv's ops."""

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from hrpose.analysis.gpu.report import Case, Report
from hrpose.config import load_config
from hrpose.registry import MODELS

# Largest allowed error of each precision after about 100 layers, relative to the largest value. The mantissas have 24,
# 11, 11 and 8 bits.
BOUNDS = {'fp32': 1e-5, 'tf32': 5e-3, 'fp16': 5e-3, 'bf16': 5e-2}
# Files in tests/golden with heatmaps of the official release.
GOLDEN = {
    'hrnet_w32_coco_256x192': 'hrnet_w32_256x192_forward.npz',
    'hrnet_w48_coco_256x192': 'hrnet_w48_256x192_forward.npz',
}
DEMO = 'hrnet_w16_synthetic_128x96'


@torch.no_grad()
def run(case: Case, report: Report) -> None:
    """Compare networks with float64 on the CPU and with golden values, and the other steps with float32 on the CPU."""
    for name in [DEMO] if case.small else [*GOLDEN, DEMO]:
        cfg = load_config(name)
        model = case.golden.fill_model(MODELS.build(cfg.model.to_dict()))
        images = case.golden.golden_input(*cfg.codec.input_size)
        exact = copy.deepcopy(model).double()(images.double()).float()
        for precision, bound in BOUNDS.items():
            if case.device.type == 'cpu' and precision in ('fp16', 'tf32'):
                continue
            settings = {**cfg.model.to_dict(), 'precision': 'fp32' if precision == 'tf32' else precision}
            found = _heatmaps(case, settings, model, images, tf32=precision == 'tf32')
            error = float((found - exact).abs().max() / exact.abs().max())
            against = {'relative_error': error, **_golden_error(case, name, found), 'bound': bound}
            report.add('correct', f'{name} {precision}', {**against, 'ok': error <= bound})
    _steps(case, report, model)
    _mmcv_ops(case, report)


def _heatmaps(case: Case, settings: dict[str, Any], model: nn.Module, images: Tensor, *, tf32: bool) -> Tensor:
    """Return the heatmaps (B, K, h, w) that the device computes, as float32 on the CPU."""
    on_device = MODELS.build(settings)
    on_device.load_state_dict(model.state_dict())
    with _tf32(tf32):
        return on_device.to(case.device).eval().inference(images.to(case.device)).cpu()


def _golden_error(case: Case, name: str, found: Tensor) -> dict[str, float]:
    """Return the largest error at the stored cells, relative to the highest peak; nothing without golden values."""
    if name not in GOLDEN:
        return {}
    stored = case.golden.golden(GOLDEN[name])
    cells = found.numpy().reshape(-1)[:: case.golden.STRIDE]
    return {'golden_error': float(abs(cells - stored['cells']).max() / stored['peak'])}


@contextmanager
def _tf32(on: bool) -> Iterator[None]:
    before = torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = on
    try:
        yield
    finally:
        torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32 = before


@torch.no_grad()
def _steps(case: Case, report: Report, model: Any) -> None:
    """Compare encoding, decoding, flip averaging and the loss with its gradient, each on the same inputs."""
    head, codec = model.head, model.head.codec
    width, height = codec.input_size
    joints, people = head.out_channels, 64
    generator = torch.Generator().manual_seed(0)
    keypoints = torch.rand(people, joints, 2, generator=generator) * torch.tensor([width, height]) * 1.2 - 10
    visible = (torch.rand(people, joints, generator=generator) > 0.2).float()
    targets, weights = codec.encode(keypoints, visible)
    noisy = targets + 0.05 * torch.rand(targets.shape, generator=generator)

    def both(name: str, function: Callable[..., Any], *inputs: Tensor, bound: float) -> None:
        here = function(*inputs)
        there = function(*(each.to(case.device) for each in inputs))
        error = max(float((a - b.cpu()).abs().max()) for a, b in zip(here, there, strict=True))
        report.add('correct', name, {'error': error, 'bound': bound, 'ok': error <= bound})

    from hrpose.models.estimators.flip import average_flip

    pairs = model.metainfo['flip_indices']
    both('encode', codec.encode, keypoints, visible, bound=1e-6)
    both('decode', codec.decode, noisy, bound=1e-4)
    both('flip average', lambda a, b: [average_flip(a, b, pairs, shift=True)], noisy, noisy.flip(0), bound=1e-6)

    def loss(prediction: Tensor, target: Tensor, weight: Tensor) -> list[Tensor]:
        with torch.enable_grad():
            prediction = prediction.clone().requires_grad_()
            value = head.loss_module(prediction, target, weight)
            return [value.detach(), torch.autograd.grad(value, prediction)[0]]

    both('loss and gradient', loss, noisy, targets, weights, bound=1e-6)


def _mmcv_ops(case: Case, report: Report) -> None:
    """Compare NMS and RoIAlign: mmcv's own where they are compiled, else hrpose's replacements."""
    from hrpose.mmcv_ops import supply_mmcv_ops

    supply_mmcv_ops()
    from mmcv.ops import nms, roi_align

    generator = torch.Generator().manual_seed(0)
    corners = torch.rand(500, 2, generator=generator) * 200
    boxes = torch.cat([corners, corners + 10 + 60 * torch.rand(500, 2, generator=generator)], 1)
    scores = torch.rand(500, generator=generator)
    kept = [nms(boxes.to(device), scores.to(device), 0.5)[1].cpu().tolist() for device in ('cpu', case.device)]
    report.add('correct', 'NMS', {'kept': len(kept[0]), 'ok': kept[0] == kept[1]})
    features = torch.randn(2, 8, 50, 50, generator=generator)
    rois = torch.cat([torch.arange(500)[:, None] % 2, boxes / 4], 1)
    pooled = [roi_align(features.to(d), rois.to(d), (7, 7), 1.0, 2).cpu() for d in ('cpu', case.device)]
    error = float((pooled[0] - pooled[1]).abs().max())
    report.add('correct', 'RoIAlign', {'error': error, 'bound': 1e-4, 'ok': error <= 1e-4})
