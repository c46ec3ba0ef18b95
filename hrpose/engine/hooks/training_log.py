"""Hooks that write the log: the batch and the learning rate, how the training computes, a test's metrics."""

import logging
from typing import Any

import torch
from mmengine.dist import master_only
from mmengine.hooks import Hook
from mmengine.hooks import LoggerHook as MMEngineLoggerHook
from mmengine.optim import AmpOptimWrapper, OptimWrapper, OptimWrapperDict
from mmengine.runner import Runner
from torch import nn

from hrpose.engine.optimizer import BF16OptimWrapper, batch_of, parameter_groups, recipe_batch
from hrpose.hardware import has_bf16
from hrpose.registry import HOOKS

# Of `AmpOptimWrapper`, which takes its dtype as a word; its default is the device's own, which is fp16 on GPUs.
_HALVES = {torch.float16: 'fp16', torch.bfloat16: 'bf16', None: 'fp16'}
_CAN_BE_FUSED = (torch.optim.Adam, torch.optim.AdamW, torch.optim.SGD, torch.optim.Adagrad)


@HOOKS.register_module()
class LoggerHook(MMEngineLoggerHook):
    """mmengine's hook, but for the figures of a test: there each process writes the same file, at the same time."""

    @master_only
    def after_test_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:
        """Log the figures and write them to the work dir; in the first process."""
        super().after_test_epoch(runner, metrics)


@HOOKS.register_module()
class BatchSizeHook(Hook):
    """Says, before the first step, the effective batch, the recipe's, and the learning rate in use.

    The rate is that of the optimizer itself, before warm-up and steps: a resumed one's is the checkpoint's.
    """

    def before_train(self, runner: Runner) -> None:
        """Log the sentence; warn where the batch is another than the recipe's and the rate does not follow it."""
        batch, recipe = batch_of(runner), recipe_batch(runner.auto_scale_lr)
        scaled = (runner.auto_scale_lr or {}).get('enable', False)
        rates = sorted({group.get('initial_lr', group['lr']) for group in parameter_groups(runner)})
        in_use = ' to '.join(f'{rate:g}' for rate in dict.fromkeys([rates[0], rates[-1]]))
        told = recipe or 'not said (auto_scale_lr.base_batch_size)'
        runner.logger.info(f"effective batch {batch}; recipe's batch {told}; learning rate {in_use}")
        if recipe and batch.size != recipe and not scaled:
            runner.logger.log(
                logging.WARNING,
                f'a batch of {batch.size} is not the {recipe} that the learning rate is for, and the rate was left '
                f'as it is: --auto-scale-lr multiplies it by {batch.size / recipe:g}',
            )


@HOOKS.register_module()
class SpeedHook(Hook):
    """Logs at the start of a training which precision, memory format, optimizer and compiler are in use.

    Prediction's line is that of `hrpose.models.inference`. Nothing is switched on.
    """

    def before_train(self, runner: Runner) -> None:
        """Log the line."""
        runner.logger.info(training_speed(runner.model, runner.optim_wrapper))


def training_speed(model: nn.Module, optim_wrapper: Any) -> str:
    """Return the line for a model that is on its device, and its optimizer wrapper or several of them."""
    device = next(model.parameters()).device
    several = isinstance(optim_wrapper, OptimWrapperDict)
    wrappers = list(optim_wrapper.values()) if several else [optim_wrapper]
    optimizers = [wrapper.optimizer for wrapper in wrappers]
    precision = '/'.join(sorted({_precision(wrapper) for wrapper in wrappers}))
    fused = all(optimizer.defaults.get('fused') for optimizer in optimizers)
    # mmengine's own switch compiles the method in place of the parts.
    compiled = any(module._compiled_call_impl is not None for module in model.modules()) or any(
        hasattr(getattr(each, 'train_step', None), '_torchdynamo_orig_callable') for each in (model, _bare(model))
    )
    on = [
        precision,
        'channels last' if _is_channels_last(model) else 'channels first',
        f'{"fused" if fused else "not fused"} {"/".join(type(optimizer).__name__ for optimizer in optimizers)}',
        'compiled' if compiled else 'not compiled',
    ]
    more = []
    if precision == 'fp32' and device.type != 'cpu':
        more.append('--amp (fp16)')
    if precision == 'fp32' and device.type == 'cpu' and has_bf16():
        more.append('--amp (this machine has instructions for bf16)')
    if not fused and not several and isinstance(optimizers[0], _CAN_BE_FUSED):
        more.append('optim_wrapper.optimizer.fused=True')
    if not compiled and 'compile' in getattr(_bare(model), 'speed', {}):
        more.append('model.compile=True')
    return f'training on {device.type}: {", ".join(on)}' + (f'; faster still: {", ".join(more)}' if more else '')


def _precision(wrapper: OptimWrapper) -> str:
    if isinstance(wrapper, BF16OptimWrapper):
        return 'bf16'
    if isinstance(wrapper, AmpOptimWrapper):
        return _HALVES.get(wrapper.cast_dtype, str(wrapper.cast_dtype))
    return 'fp32'


def _bare(model: nn.Module) -> nn.Module:
    """Return the model inside a wrapper of several processes."""
    return getattr(model, 'module', model)


def _is_channels_last(model: nn.Module) -> bool:
    """Say whether all weights of convolutions for which it makes a difference are channels last in memory."""
    weights = [weight for weight in model.parameters() if weight.ndim == 4 and weight[0, 0].numel() > 1]
    return bool(weights) and all(weight.is_contiguous(memory_format=torch.channels_last) for weight in weights)
