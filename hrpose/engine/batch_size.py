"""The batch that one optimizer step really takes, and the learning rate that goes with it."""

import logging
from dataclasses import dataclass
from typing import Any

from mmengine.hooks import Hook
from mmengine.runner import Runner

from hrpose.errors import UserError
from hrpose.registry import HOOKS


@dataclass(frozen=True)
class Batch:
    """How many people one optimizer step sees.

    Attributes:
        per_process: of one process's loader.
        processes: that train together.
        accumulated: batches whose gradients are summed up before a step (`accumulative_counts`).
    """

    per_process: int
    processes: int
    accumulated: int

    @property
    def size(self) -> int:
        """The effective batch."""
        return self.per_process * self.processes * self.accumulated

    def __str__(self) -> str:
        return f'{self.size} ({self.per_process} a process x {self.processes} x {self.accumulated} accumulated)'


def batch_of(runner: Runner) -> Batch:
    """Return the batch of a runner whose training loop and optimizer are built."""
    loader = runner.train_dataloader
    per_process = loader.batch_size or getattr(loader.batch_sampler, 'batch_size', 1)
    return Batch(per_process, runner.world_size, getattr(runner.optim_wrapper, '_accumulative_counts', 1))


def recipe_batch(auto_scale_lr: dict[str, Any] | None) -> int | None:
    """Return the batch that the config's learning rate is for, None where it does not say; refuse what is no number."""
    batch = (auto_scale_lr or {}).get('base_batch_size')
    if batch is not None and not (isinstance(batch, int) and batch > 0):
        raise UserError(f'auto_scale_lr.base_batch_size has to be a positive whole number, not {batch!r}')
    return batch


def scale_learning_rate(runner: Runner, auto_scale_lr: dict[str, Any] | None) -> None:
    """Multiply the rates by effective batch over recipe batch (Goyal et al., 2017), where the config asks for it.

    Raises:
        UserError: asked for, without saying which batch the rates are for.
    """
    if not (auto_scale_lr or {}).get('enable', False):
        return
    recipe = recipe_batch(auto_scale_lr)
    if recipe is None:
        raise UserError(
            '--auto-scale-lr: the config does not say which batch size its learning rate is for; '
            'add auto_scale_lr = dict(base_batch_size=…)'
        )
    for group in _parameter_groups(runner):
        group['lr'] *= batch_of(runner).size / recipe


@HOOKS.register_module()
class BatchSizeHook(Hook):
    """Says, before the first step, the effective batch, the recipe's, and the learning rate in use.

    The rate is that of the optimizer itself, before warm-up and steps: a resumed one's is the checkpoint's.
    """

    def before_train(self, runner: Runner) -> None:
        """Log the sentence; warn where the batch is another than the recipe's and the rate does not follow it."""
        batch, recipe = batch_of(runner), recipe_batch(runner.auto_scale_lr)
        scaled = (runner.auto_scale_lr or {}).get('enable', False)
        rates = sorted({group.get('initial_lr', group['lr']) for group in _parameter_groups(runner)})
        in_use = ' to '.join(f'{rate:g}' for rate in dict.fromkeys([rates[0], rates[-1]]))
        told = recipe or 'not said (auto_scale_lr.base_batch_size)'
        runner.logger.info(f"effective batch {batch}; recipe's batch {told}; learning rate {in_use}")
        if recipe and batch.size != recipe and not scaled:
            runner.logger.log(
                logging.WARNING,
                f'a batch of {batch.size} is not the {recipe} that the learning rate is for, and the rate was left '
                f'as it is: --auto-scale-lr multiplies it by {batch.size / recipe:g}',
            )


def _parameter_groups(runner: Runner) -> list[dict[str, Any]]:
    wrapper: Any = runner.optim_wrapper
    wrappers = wrapper.values() if hasattr(wrapper, 'optim_wrappers') else [wrapper]
    return [group for one in wrappers for group in one.optimizer.param_groups]
