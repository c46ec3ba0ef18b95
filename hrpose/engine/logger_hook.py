"""The log of a test, written by one of its processes."""

from mmengine.dist import master_only
from mmengine.hooks import LoggerHook as MMEngineLoggerHook
from mmengine.runner import Runner

from hrpose.registry import HOOKS


@HOOKS.register_module()
class LoggerHook(MMEngineLoggerHook):
    """mmengine's hook, but for the figures of a test: there each process writes the same file, at the same time."""

    @master_only
    def after_test_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:
        """Log the figures and write them to the work dir; in the first process."""
        super().after_test_epoch(runner, metrics)
