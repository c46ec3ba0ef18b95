"""Measure whether loader workers deliver batches as fast as the device trains on them."""

import os
import time
from collections.abc import Iterator
from typing import Any

import torch
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from mmengine.runner import Runner

from hrpose.analysis.gpu.learning import NAME as LEEDS
from hrpose.analysis.gpu.learning import crops_options
from hrpose.analysis.gpu.report import Case, Report
from hrpose.config import load_config, parse_options
from hrpose.registry import MODELS


def run(case: Case, report: Report) -> None:
    """Measure JPEG files of generated people and packed photographs, with different numbers of workers."""
    network = 'hrnet_w16_synthetic_128x96' if case.small else 'hrnet_w32_coco_256x192'
    sources = {'generated JPEGs': case.synthetic_config(network)}
    if case.crops:
        sources['packed JPEG crops of photographs'] = load_config(LEEDS, parse_options(crops_options(case)))
    cores = os.cpu_count() or 1
    for source, cfg in sources.items():
        for workers in (1,) if case.small else sorted({8, max(1, cores - 2)}):
            name = f'{source}, {workers} workers'
            if not report.has('feeding', name) and case.seconds_left > 20:
                report.add('feeding', name, _fed(case, cfg, workers))


def _batches(cfg: Config, workers: int, batch: int) -> Iterator[Any]:
    """Yield training batches without end."""
    settings = cfg.train_dataloader.to_dict()
    settings |= {'batch_size': batch, 'num_workers': workers, 'persistent_workers': True}
    loader = Runner.build_dataloader(settings, seed=0)
    epoch = 0
    while True:
        loader.sampler.set_epoch(epoch)
        yield from loader
        epoch += 1


def _fed(case: Case, cfg: Config, workers: int) -> dict[str, Any]:
    """Return people a second of loading alone and of bf16 training, and the share of time that training waits."""
    batch, count = (2, 2) if case.small else (64, 40)
    batches = _batches(cfg, workers, batch)
    for _ in range(2 + workers):  # batches that the workers loaded in advance
        next(batches)
    began = time.perf_counter()
    for _ in range(count):
        next(batches)
    alone = count * batch / (time.perf_counter() - began)
    model = MODELS.build(cfg.model.to_dict()).to(case.device).train()
    optimizer = build_optim_wrapper(model, {**cfg.optim_wrapper.to_dict(), 'type': 'BF16OptimWrapper'})
    waited = 0.0
    for step in range(3 + count):
        if step == 3:
            _finish(case.device)
            began, waited = time.perf_counter(), 0.0
        asked = time.perf_counter()
        data = next(batches)
        waited += time.perf_counter() - asked
        model.train_step(data, optimizer)
        _finish(case.device)  # the device waits from here
    took = time.perf_counter() - began
    return {
        'people_a_second_read': alone,
        'people_a_second_trained': count * batch / took,
        'share_waiting': waited / took,
    }


def _finish(device: torch.device) -> None:
    if device.type == 'cuda':
        torch.cuda.synchronize(device)
