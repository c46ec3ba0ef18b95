"""The line that a training logs about precision, memory format, optimizer and compiler."""

import os

import cv2
import pytest
import torch
from mmengine.optim import AmpOptimWrapper, OptimWrapper
from torch import nn

from hrpose.engine.hooks.training_log import training_speed
from hrpose.engine.optimizer import BF16OptimWrapper
from tests.checkpoints.cases import small_model
from tests.engine.cases import runner_of


@pytest.fixture
def bf16(monkeypatch):
    """Set whether this machine is faster in bf16."""
    return lambda faster: monkeypatch.setattr('hrpose.engine.hooks.training_log.bf16_is_faster', lambda *_: faster)


def wrapped(model: nn.Module, wrapper: type[OptimWrapper] = OptimWrapper, **options: object) -> OptimWrapper:
    return wrapper(optimizer=torch.optim.Adam(model.parameters(), **options))


def test_the_line_names_what_is_on_and_what_would_be_faster(bf16):
    bf16(True)
    model = small_model()
    assert training_speed(model, wrapped(model, fused=True)) == (
        'training on cpu: fp32, channels last, fused Adam, not compiled; faster still: --amp (bf16), model.compile=True'
    )


def test_bf16_is_not_advised_where_it_is_no_faster(bf16):
    bf16(False)
    model = small_model()
    assert 'amp' not in training_speed(model, wrapped(model, fused=True))


def test_only_what_is_off_is_advised(bf16):
    bf16(True)
    model = small_model()
    model.backbone.compile()
    line = training_speed(model, wrapped(model, BF16OptimWrapper))
    assert line == (
        'training on cpu: bf16, channels last, not fused Adam, compiled; '
        'faster still: optim_wrapper.optimizer.fused=True'
    )


@pytest.mark.parametrize(('dtype', 'name'), [(None, 'fp16'), (torch.float16, 'fp16'), (torch.bfloat16, 'bf16')])
def test_mixed_precision_is_named_by_its_dtype(dtype, name, monkeypatch):
    monkeypatch.setattr('mmengine.optim.optimizer.amp_optimizer_wrapper.is_cuda_available', lambda: True)
    model = small_model()
    wrapper = AmpOptimWrapper(dtype=dtype, optimizer=torch.optim.SGD(model.parameters(), lr=0.1))
    assert training_speed(model, wrapper).startswith(f'training on cpu: {name}, channels last, not fused SGD')


def test_an_option_that_the_model_lacks_is_not_advised(bf16):
    bf16(True)
    model = nn.Conv2d(3, 4, 3)
    line = training_speed(model, wrapped(model, fused=True))
    assert 'channels first' in line
    assert 'compile=True' not in line


def test_a_step_that_mmengine_compiles_counts_as_compiled(bf16):
    bf16(True)
    model = small_model()
    model.train_step = torch.compile(model.train_step)  # as its runner does for `compile=True`
    line = training_speed(model, wrapped(model, fused=True))
    assert ', compiled' in line and 'compile=True' not in line


def test_a_training_logs_the_line_once(tiny_coco, tiny_config, tmp_path):
    runner = runner_of(tiny_config(tiny_coco(images=2)), tmp_path / 'run')
    lines: list[str] = []
    runner.logger.info = lambda message, *_: lines.append(str(message))
    runner.train()
    (line,) = [line for line in lines if line.startswith('training on')]
    assert line == training_speed(runner.model, runner.optim_wrapper)


def test_loader_workers_compute_on_one_thread(tiny_coco, tiny_config, tmp_path):
    """Each worker of a training takes one core, not all of them."""
    before = torch.get_num_threads(), cv2.getNumThreads()
    torch.set_num_threads(3)
    cv2.setNumThreads(3)
    try:
        workers = {f'train_dataloader.{key}': value for key, value in (('num_workers', 2), ('batch_size', 1))}
        runner = runner_of(tiny_config(tiny_coco(images=4)), tmp_path / 'run', **workers)
        loader = runner.build_dataloader(runner._train_dataloader, seed=0)
        loader.dataset.pipeline.transforms.append(_ask_threads)
        seen = [tuple(map(int, asked.split())) for batch in loader for asked in batch['asked']]
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before[0])
        cv2.setNumThreads(before[1])
    assert len({process for process, *_ in seen} - {os.getpid()}) == 2
    assert {(of_torch, of_opencv) for _, of_torch, of_opencv in seen} == {(1, 1)}


def _ask_threads(packed: dict) -> dict:
    return {**packed, 'asked': f'{os.getpid()} {torch.get_num_threads()} {cv2.getNumThreads()}'}
