"""Stop a training whose loss is NaN or infinite, before it changes the weights."""

from collections.abc import Iterable
from typing import Any

import torch
from mmengine.dist import all_gather_object, all_reduce
from mmengine.hooks import Hook
from mmengine.runner import Runner
from torch import Tensor

from hrpose.engine.optimizer import parameter_groups, wrappers_of
from hrpose.errors import UserError
from hrpose.registry import HOOKS

_NAMED_AT_MOST = 16


@HOOKS.register_module()
class FiniteLossHook(Hook):
    """A hook that stops a training whose loss is NaN or infinite, and names step, learning rate and images.

    Weights, optimizer and batch norm's statistics stay as they were before the step.

    Args:
        max_skipped: number of such steps in a row that are skipped with a warning before the training stops.

    Raises:
        UserError: `max_skipped` is wrong; in training, more than `max_skipped` such steps in a row.
    """

    # Before EMA takes in the step.
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
        """Register hooks that note the losses of the model and check them before each optimizer step."""
        self.skipped = 0
        self._handles = [runner.model.register_forward_hook(self._note)]
        for wrapper in wrappers_of(runner.optim_wrapper):
            self._handles.append(wrapper.optimizer.register_step_pre_hook(lambda *_: self._before_step(runner)))
        buffers = [buffer for buffer in runner.model.buffers() if buffer.is_floating_point()]
        self._kept = buffers, [buffer.clone() for buffer in buffers]

    def after_train(self, runner: Runner) -> None:
        """Remove these hooks."""
        for handle in self._handles:
            handle.remove()

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None) -> None:
        """Copy batch norm's statistics, which the forward pass of a bad batch spoils."""
        self._losses = []
        buffers, kept = self._kept
        if buffers:
            torch._foreach_copy_(kept, buffers)

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: dict[str, Any] | None = None
    ) -> None:
        """Skip the step if the batch was bad; raise `UserError` to stop the training after too many."""
        # Without an optimizer step (accumulated gradients, skipped by mixed precision) nothing is checked yet.
        if not self._check():
            self.skipped = 0
            return
        self._forget_step(runner)
        self._is_bad = False
        self.skipped += 1
        message = _describe(runner, data_batch, self._losses)
        if self.skipped > self.max_skipped:
            raise UserError(
                f'{message}. The weights are those before this step. If training diverged, lower the learning rate, '
                'lengthen the warm-up (LinearLR) or set optim_wrapper.clip_grad; otherwise check the images. '
                'default_hooks.finite_loss.max_skipped skips such steps'
            )
        runner.logger.warning(f'{message}. The step is skipped ({self.skipped} of {self.max_skipped} in a row)')

    def _note(self, model: Any, inputs: Any, output: Any) -> None:
        if model.training and isinstance(output, dict):
            # Some losses of a detector are lists.
            values = [value for key, value in output.items() if 'loss' in key]
            flat = [item for value in values for item in (value if isinstance(value, list | tuple) else [value])]
            self._losses += [item for item in flat if isinstance(item, Tensor)]

    def _check(self) -> bool:
        """Return whether a loss noted in any process since the last step is not finite."""
        if self._is_bad or not self._losses:
            return self._is_bad
        bad = torch.stack([(~value.detach().isfinite()).any() for value in self._losses]).any().float()
        all_reduce(bad, 'max')
        self._is_bad = bool(bad)
        return self._is_bad

    def _before_step(self, runner: Runner) -> None:
        if self._check():
            self._forget_step(runner)

    def _forget_step(self, runner: Runner) -> None:
        """Delete the gradients, so that the optimizer changes nothing, and restore batch norm's statistics."""
        for parameter in runner.model.parameters():
            parameter.grad = None
        if self._kept[0]:
            torch._foreach_copy_(*self._kept)


def _describe(runner: Runner, data_batch: Any, losses: Iterable[Tensor]) -> str:
    """Return which loss came in which step, at which learning rate, from which images of all processes."""
    bad = [f'{float(value.detach().mean())}' for value in losses if not bool(value.detach().isfinite().all())]
    samples = data_batch.get('data_samples') or [] if isinstance(data_batch, dict) else []
    mine = [str(getattr(sample, 'img_path', '?')) for sample in samples] if bad else []
    gathered = all_gather_object((bad, mine))
    values = ', '.join(dict.fromkeys(value for found, _ in gathered for value in found))
    images = list(dict.fromkeys(path for _, paths in gathered for path in paths))
    named = ', '.join(images[:_NAMED_AT_MOST]) + (', …' if len(images) > _NAMED_AT_MOST else '')
    rate = max(group['lr'] for group in parameter_groups(runner))
    return (
        f'the loss is {values} in step {runner.iter + 1} (epoch {runner.epoch + 1}) at a learning rate of {rate:g}; '
        f'the {len(images)} images of the batch: {named}'
    )
