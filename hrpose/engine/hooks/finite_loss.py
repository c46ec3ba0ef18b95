"""A loss that is no number: stop with what led to it, before it reaches the weights."""

import logging
from collections.abc import Iterable
from typing import Any

import torch
from mmengine.dist import all_gather_object, all_reduce
from mmengine.hooks import Hook
from mmengine.runner import Runner
from torch import Tensor

from hrpose.errors import UserError
from hrpose.registry import HOOKS

_NAMED_AT_MOST = 16


@HOOKS.register_module()
class FiniteLossHook(Hook):
    """Stops a training whose loss is NaN or infinite, with the step, the learning rate and the images of the batch.

    The step is not taken: weights, optimizer and the statistics of normalisation stay as they were before it.

    Args:
        max_skipped: how many such steps in a row are left out, each with a warning, before the training stops.

    Raises:
        UserError: `max_skipped` is no number; in training, the loss of more steps than that.
    """

    # Before averaged weights take in what the step has done.
    priority = 'HIGH'

    def __init__(self, max_skipped: int = 0) -> None:
        if not isinstance(max_skipped, int) or max_skipped < 0:
            raise UserError(f'FiniteLossHook: max_skipped has to be a whole number of at least 0, not {max_skipped!r}')
        self.max_skipped = max_skipped
        self.skipped = 0
        self._losses: list[Tensor] = []
        self._is_bad = False
        self._kept: tuple[list[Tensor], list[Tensor]] = ([], [])

    def before_train(self, runner: Runner) -> None:
        """Listen to the losses of the model, and look at them before the optimizer takes its step."""
        self.skipped = 0
        handles = [runner.model.register_forward_hook(self._note)]
        handles += [
            optimizer.register_step_pre_hook(lambda *_: self._before_step(runner)) for optimizer in _optimizers(runner)
        ]
        self._handles = handles
        buffers = [buffer for buffer in runner.model.buffers() if buffer.is_floating_point()]
        self._kept = buffers, [buffer.clone() for buffer in buffers]

    def after_train(self, runner: Runner) -> None:
        """Leave model and optimizer as they were found."""
        for handle in self._handles:
            handle.remove()

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None) -> None:
        """Keep the statistics of normalisation, which a bad batch spoils in its forward pass already."""
        self._losses = []
        buffers, kept = self._kept
        if buffers:
            torch._foreach_copy_(kept, buffers)

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: dict[str, Any] | None = None
    ) -> None:
        """Skip or stop, if the batch just seen was a bad one."""
        # Where gradients are gathered, or mixed precision left the step out by itself, nobody has looked yet.
        if not self._look():
            self.skipped = 0
            return
        self._forget_step(runner)
        self._is_bad = False
        self.skipped += 1
        message = _account(runner, data_batch, self._losses)
        if self.skipped > self.max_skipped:
            raise UserError(
                f'{message}. The weights are those before this step. A lower learning rate, a longer warm-up '
                '(LinearLR) or optim_wrapper.clip_grad help where training diverged; the images, where the data are '
                'wrong; default_hooks.finite_loss.max_skipped leaves such steps out'
            )
        runner.logger.log(
            logging.WARNING, f'{message}. The step is left out ({self.skipped} of {self.max_skipped} in a row)'
        )

    def _note(self, model: Any, inputs: Any, output: Any) -> None:
        if model.training and isinstance(output, dict):
            # A detector gives lists of losses under some of its names.
            values = [value for key, value in output.items() if 'loss' in key]
            flat = [item for value in values for item in (value if isinstance(value, list | tuple) else [value])]
            self._losses += [item for item in flat if isinstance(item, Tensor)]

    def _look(self) -> bool:
        """Say whether any loss noted since the last look, in any of the processes, is not finite."""
        if self._is_bad or not self._losses:
            return self._is_bad
        bad = torch.stack([(~value.detach().isfinite()).any() for value in self._losses]).any().float()
        all_reduce(bad, 'max')
        self._is_bad = bool(bad)
        return self._is_bad

    def _before_step(self, runner: Runner) -> None:
        if self._look():
            self._forget_step(runner)

    def _forget_step(self, runner: Runner) -> None:
        """Take the gradients away, without which an optimizer changes nothing, and put the statistics back."""
        for parameter in runner.model.parameters():
            parameter.grad = None
        if self._kept[0]:
            torch._foreach_copy_(*self._kept)


def _optimizers(runner: Runner) -> Iterable[torch.optim.Optimizer]:
    wrapper: Any = runner.optim_wrapper
    return [one.optimizer for one in (wrapper.values() if hasattr(wrapper, 'optim_wrappers') else [wrapper])]


def _account(runner: Runner, data_batch: Any, losses: Iterable[Tensor]) -> str:
    """Return the sentence of what happened where, with the images of every process whose loss was not finite."""
    bad = [f'{float(value.detach().mean())}' for value in losses if not bool(value.detach().isfinite().all())]
    samples = data_batch.get('data_samples') or [] if isinstance(data_batch, dict) else []
    mine = [str(getattr(sample, 'img_path', '?')) for sample in samples] if bad else []
    told = all_gather_object((bad, mine))
    values = ', '.join(dict.fromkeys(value for found, _ in told for value in found))
    images = list(dict.fromkeys(path for _, paths in told for path in paths))
    named = ', '.join(images[:_NAMED_AT_MOST]) + (', …' if len(images) > _NAMED_AT_MOST else '')
    rate = max(group['lr'] for one in _optimizers(runner) for group in one.param_groups)
    return (
        f'the loss is {values} in step {runner.iter + 1} (epoch {runner.epoch + 1}) at a learning rate of {rate:g}; '
        f'the {len(images)} images of the batch: {named}'
    )
