"""Early stopping that a resumed training remembers."""

from typing import Any

from mmengine.hooks import EarlyStoppingHook as MMEngineEarlyStoppingHook
from mmengine.runner import Runner

from hrpose.errors import UserError, nearest
from hrpose.registry import HOOKS

# In mmengine's message hub, which every checkpoint holds.
WAITED, STOPPED = 'early_stop', 'stopped'


@HOOKS.register_module()
class EarlyStoppingHook(MMEngineEarlyStoppingHook):
    """mmengine's hook, whose count of validations without progress is in the checkpoints.

    Args:
        monitor: name of the figure, for instance 'coco/AP'.
        rule: 'greater' or 'less', whichever is better.
        **options: mmengine's others: `patience` in validations, `min_delta`, `stopping_threshold` …

    Raises:
        UserError: later, a figure that no metric gives.
    """

    # Before the checkpoint is written.
    priority = 'LOW'

    def __init__(self, *, monitor: str, rule: str = 'greater', **options: Any) -> None:
        super().__init__(monitor=monitor, rule=rule, **options)

    def before_train(self, runner: Runner) -> None:
        """Take the count from the checkpoint, if there is one."""
        told = runner.message_hub.runtime_info.get(WAITED) if runner._resume else None
        if told:
            self.wait_count, self.best_score = int(told['waited']), float(told['best'])
            runner.train_loop.stop_training = bool(told[STOPPED])

    def after_val_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:
        """Count, stop if it is time, and write the count down."""
        if self.monitor not in (metrics or {}):
            raise UserError(
                f"EarlyStoppingHook: monitor='{self.monitor}' is none of the figures of the validation; "
                f'{nearest(self.monitor, metrics or {})}'
            )
        super().after_val_epoch(runner, metrics)
        told = {'waited': self.wait_count, 'best': float(self.best_score), STOPPED: runner.train_loop.stop_training}
        runner.message_hub.update_info(WAITED, told)
