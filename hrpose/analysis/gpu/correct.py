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
    if case.device.type == 'cuda':
        _graphs(case, report)
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


def _graphs(case: Case, report: Report) -> None:
    """Compare CUDA graphs with the same calls one by one: prediction, and weights after steps of training."""
    cfg = load_config(DEMO)
    width, height = cfg.codec.input_size
    generator = torch.Generator().manual_seed(0)
    batches = [torch.randn(8, 3, height, width, generator=generator).to(case.device) for _ in range(8)]
    batches = [batch.to(memory_format=torch.channels_last) for batch in batches]
    points = torch.rand(8, 17, 2, generator=generator).to(case.device) * width
    weights = torch.ones(8, 17, device=case.device)

    def build(on: bool) -> Any:
        model = MODELS.build({**cfg.model.to_dict(), 'cuda_graphs': on})
        return case.golden.fill_model(model).to(case.device)

    model = build(True).eval()
    plain = model.inference
    error = max(float((model.inference(each) - plain._plain(each)).abs().max()) for each in batches)
    report.add('correct', 'prediction by CUDA graphs', {'error': error, 'bound': 1e-5, 'ok': error <= 1e-5})

    def trained(on: bool, dtype: torch.dtype) -> list[Tensor]:
        model = build(on).train()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
        for number, images in enumerate(batches):
            with torch.enable_grad(), torch.autocast('cuda', dtype=dtype, enabled=dtype != torch.float32):
                loss = model.head.loss(model.extract(images), points, weights)['loss_keypoint']
            loss.backward()
            del loss  # a graph is recorded while no gradient function is left of the step before
            if number % 2:  # gradients of two batches are summed
                optimizer.step()
                optimizer.zero_grad()
        return [each.detach().float() for each in model.state_dict().values()]

    with _tf32(False):
        for name, dtype, bound in (('fp32', torch.float32, 1e-4), ('bf16', torch.bfloat16, 2e-2)):
            whole, parted = trained(True, dtype), trained(False, dtype)
            again = trained(False, dtype)
            found, noise = (
                max(
                    float((a - b).abs().max() / b.abs().max().clamp(min=1e-3)) for a, b in zip(one, parted, strict=True)
                )
                for one in (whole, again)
            )
            values = {'relative_error': found, 'of_two_runs_without': noise, 'bound': bound, 'ok': found <= bound}
            report.add('correct', f'training by CUDA graphs, {name}', values)


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
