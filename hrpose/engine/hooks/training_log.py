"""Hooks that log the effective batch, the learning rate, the precision, and the metrics of a test."""

from typing import Any

import torch
from mmengine.dist import master_only
from mmengine.hooks import Hook
from mmengine.hooks import LoggerHook as MMEngineLoggerHook
from mmengine.optim import AmpOptimWrapper, OptimWrapper, OptimWrapperDict
from mmengine.runner import Runner
from torch import nn

from hrpose.engine.distributed.processes import unwrapped
from hrpose.engine.optimizer import BF16OptimWrapper, batch_of, parameter_groups, recipe_batch, wrappers_of
from hrpose.hardware import bf16_is_faster
from hrpose.registry import HOOKS

# By `AmpOptimWrapper.cast_dtype`; None is the default of the device, which is fp16 on GPUs.
_HALVES = {torch.float16: 'fp16', torch.bfloat16: 'bf16', None: 'fp16'}
_CAN_BE_FUSED = (torch.optim.Adam, torch.optim.AdamW, torch.optim.SGD, torch.optim.Adagrad)


@HOOKS.register_module()
class LoggerHook(MMEngineLoggerHook):
    """mmengine's hook, but only process 0 writes the metrics of a test; in mmengine all write the same file at once."""

    @master_only
    def after_test_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:
        """Log the metrics and write them to the work dir."""
        super().after_test_epoch(runner, metrics)


@HOOKS.register_module()
class BatchSizeHook(Hook):
    """A hook that logs the effective batch, the recipe's batch and the learning rate when a training starts.

    The learning rate is the optimizer's, before warm-up and schedule.
    """

    def before_train(self, runner: Runner) -> None:
        """Log the line; warn if the batch differs from the recipe's and the learning rate is not scaled."""
        batch, recipe = batch_of(runner), recipe_batch(runner.auto_scale_lr)
        scaled = (runner.auto_scale_lr or {}).get('enable', False)
        rates = sorted({group.get('initial_lr', group['lr']) for group in parameter_groups(runner)})
        in_use = ' to '.join(f'{rate:g}' for rate in dict.fromkeys([rates[0], rates[-1]]))
        stated = recipe or 'not stated (auto_scale_lr.base_batch_size)'
        runner.logger.info(f"effective batch {batch}; recipe's batch {stated}; learning rate {in_use}")
        if recipe and batch.size != recipe and not scaled:
            runner.logger.warning(
                f'the effective batch is {batch.size}, but the learning rate is for {recipe}; --auto-scale-lr '
                f'multiplies it by {batch.size / recipe:g}'
            )


@HOOKS.register_module()
class SpeedHook(Hook):
    """A hook that logs precision, memory format, optimizer and compiler when a training starts, and faster options.

    It changes none of them. `hrpose.models.inference` logs the line for prediction.
    """

    def before_train(self, runner: Runner) -> None:
        """Log the line."""
        runner.logger.info(training_speed(runner.model, runner.optim_wrapper))


def training_speed(model: nn.Module, optim_wrapper: Any) -> str:
    """Return the line for a model on its device and its optimizer wrapper, or a dictionary of several."""
    device = next(model.parameters()).device
    wrappers = wrappers_of(optim_wrapper)
    optimizers = [wrapper.optimizer for wrapper in wrappers]
    precision = '/'.join(sorted({_precision(wrapper) for wrapper in wrappers}))
    fused = all(optimizer.defaults.get('fused') for optimizer in optimizers)
    # mmengine's own switch compiles the method instead of the modules.
    compiled = any(module._compiled_call_impl is not None for module in model.modules()) or any(
        hasattr(getattr(each, 'train_step', None), '_torchdynamo_orig_callable') for each in (model, unwrapped(model))
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
    if precision == 'fp32' and device.type == 'cpu' and bf16_is_faster():
        more.append('--amp (bf16)')
    if not (fused or isinstance(optim_wrapper, OptimWrapperDict)) and isinstance(optimizers[0], _CAN_BE_FUSED):
        more.append('optim_wrapper.optimizer.fused=True')
    if device.type == 'cuda' and getattr(unwrapped(model), 'cuda_graphs', None) is False:
        more.append('model.cuda_graphs=True')
    if not compiled and 'compile' in getattr(unwrapped(model), 'speed', {}):
        more.append('model.compile=True')
    return f'training on {device.type}: {", ".join(on)}' + (f'; faster still: {", ".join(more)}' if more else '')


def _precision(wrapper: OptimWrapper) -> str:
    if isinstance(wrapper, BF16OptimWrapper):
        return 'bf16'
    if isinstance(wrapper, AmpOptimWrapper):
        return _HALVES.get(wrapper.cast_dtype, str(wrapper.cast_dtype))
    return 'fp32'


def _is_channels_last(model: nn.Module) -> bool:
    """Say whether all convolutions are channels last in memory; 1x1 kernels are in both formats at once."""
    weights = [weight for weight in model.parameters() if weight.ndim == 4 and weight[0, 0].numel() > 1]
    return bool(weights) and all(weight.is_contiguous(memory_format=torch.channels_last) for weight in weights)
