"""Save checkpoints such that an interrupted training loses none: old ones go after the new one is complete."""

from collections.abc import Mapping
from inspect import signature
from pathlib import Path
from typing import Any

from mmengine.dist import is_main_process
from mmengine.hooks import CheckpointHook as MMEngineCheckpointHook
from mmengine.runner import EpochBasedTrainLoop, Runner

from hrpose.engine.work_dir import LAST_CHECKPOINT, remove_parts
from hrpose.errors import UserError, nearest
from hrpose.files import whole
from hrpose.registry import HOOKS

# Keys of mmengine's message hub, which is saved in every checkpoint.
VALIDATED, BEST, OUTDATED = 'validated', 'best_checkpoints', 'outdated_checkpoints'


@HOOKS.register_module()
class CheckpointHook(MMEngineCheckpointHook):
    """mmengine's hook, but it removes old files last, keeps several best ones, and makes up for a missed validation.

    mmengine removes the old file before it writes the new one, so a full disk loses both. A training that was killed
    between a checkpoint and its validation would resume without that validation; here the validation comes first.

    Args:
        keep_best: number of checkpoints with the best metric to keep; their names contain the metric and the epoch.
        save_best: name of the metric, for instance 'coco/AP' or 'pck/PCK@0.2'; 'auto' takes the first one.
        **options: other arguments of mmengine's: `interval by_epoch max_keep_ckpts rule save_last …`.

    Raises:
        UserError: a wrong argument; after a validation, if it has no metric called `save_best`.
    """

    def __init__(self, *, keep_best: int = 1, save_best: str | None = None, **options: Any) -> None:
        if not isinstance(keep_best, int) or keep_best < 1:
            raise UserError(f'CheckpointHook: keep_best has to be a whole number of at least 1, not {keep_best!r}')
        if not isinstance(save_best, str | None):
            raise UserError(f'CheckpointHook: save_best has to be the name of one metric, not {save_best!r}')
        # mmengine keeps unknown arguments, and fails at the first checkpoint.
        for name in options:
            if name not in (known := set(signature(MMEngineCheckpointHook.__init__).parameters) - {'self', 'kwargs'}):
                raise UserError(f"CheckpointHook takes no argument '{name}'; {nearest(name, known)}")
        super().__init__(save_best=save_best, **options)
        self.keep_best = keep_best

    def before_train(self, runner: Runner) -> None:
        """Remove the incomplete files of a killed training; make up for a validation that it missed."""
        super().before_train(runner)
        self._require_whole_epochs(runner)
        if is_main_process() and '://' not in str(self.out_dir):
            remove_parts(Path(self.out_dir))
        if runner._resume:
            self.last_ckpt = runner.message_hub.runtime_info.get('last_ckpt')
            self._remove(runner)
        if self._owes_validation(runner):
            runner.logger.info(f'resuming: the validation after {runner.epoch} epochs is missing; it comes first')
            runner.val_loop.run()

    def _require_whole_epochs(self, runner: Runner) -> None:
        if not self.by_epoch and isinstance(runner.train_loop, EpochBasedTrainLoop):
            raise UserError(
                'default_hooks.checkpoint.by_epoch=False: a training by epochs cannot resume from the middle of an '
                'epoch; leave it out, or train by iterations (train_cfg.by_epoch=False)'
            )

    def _owes_validation(self, runner: Runner) -> bool:
        loop = runner.train_loop
        if not runner._resume or runner.val_loop is None or not isinstance(loop, EpochBasedTrainLoop):
            return False
        due = loop.epoch >= loop.val_begin and (loop.epoch % loop.val_interval == 0 or loop.epoch == loop.max_epochs)
        validated = runner.message_hub.runtime_info.get(VALIDATED)  # of any type: it is from the checkpoint
        return loop.epoch > 0 and due and not (isinstance(validated, int) and validated == loop.epoch)

    def after_val_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:
        """Save the weights if they are among the best; note in the last checkpoint that it is validated."""
        runner.message_hub.update_info(VALIDATED, self._step(runner))
        is_best = bool(self.save_best) and self._rank(runner, metrics or {})
        step = self._step(runner)
        if self.last_ckpt is not None and (is_best or self.last_ckpt == self._path(self.filename_tmpl.format(step))):
            self._save_checkpoint_with_step(runner, step, dict(epoch=runner.epoch, iter=runner.iter))
        else:
            self._remove(runner)

    def _step(self, runner: Runner) -> int:
        return runner.epoch if self.by_epoch else runner.iter

    def _path(self, name: str) -> str:
        return self.file_backend.join_path(self.out_dir, name)

    def _rank(self, runner: Runner, metrics: Mapping[str, float]) -> bool:
        """Save the weights if they are among the best; return whether they are."""
        key = self._key(metrics)
        if key is None:
            return False
        sign = 1 if self.rules[0] == 'greater' else -1
        kept = list(runner.message_hub.runtime_info.get(BEST, []))
        score = float(metrics[key])
        worse = len(kept) >= self.keep_best and sign * score <= min(sign * float(entry[0]) for entry in kept)
        if score != score or worse:
            return False
        name = f'best_{key}_{self.filename_tmpl.format(self._step(runner))}'.replace('/', '_')
        path = self._path(name)
        # Of equal scores, the earlier one ranks first.
        ranked = sorted(
            [*(entry for entry in kept if entry[1] != path), [score, path]], key=lambda entry: -sign * entry[0]
        )
        kept, dropped = ranked[: self.keep_best], ranked[self.keep_best :]
        runner.message_hub.update_info(BEST, kept)
        self._outdate(runner, [entry[1] for entry in dropped])
        runner.message_hub.update_info('best_score', kept[0][0])
        runner.message_hub.update_info('best_ckpt', kept[0][1])
        self.best_ckpt_path = kept[0][1]
        meta = dict(epoch=runner.epoch, iter=runner.iter)
        options = dict(save_optimizer=False, save_param_scheduler=False, by_epoch=False, backend_args=self.backend_args)
        runner.save_checkpoint(self.out_dir, filename=name, meta=meta, **options)
        runner.logger.info(f'{key} of {score:.4f} is among the best {self.keep_best}: saved as {name}')
        return True

    def _key(self, metrics: Mapping[str, float]) -> str | None:
        if not metrics:
            return None
        if self.key_indicators == ['auto']:
            self._init_rule(self.rules, [next(iter(metrics))])
        (key,) = self.key_indicators
        if key not in metrics:
            raise UserError(f"CheckpointHook: save_best='{key}' is no metric in validation; {nearest(key, metrics)}")
        return key

    def _save_checkpoint_with_step(self, runner: Runner, step: int, meta: dict[str, Any]) -> None:
        if self.max_keep_ckpts > 0 and step not in self.keep_ckpt_ids:
            outdated = [*self.keep_ckpt_ids, step][: -self.max_keep_ckpts]
            self._outdate(runner, [self._path(self.filename_tmpl.format(old)) for old in outdated])
            self.keep_ckpt_ids.append(step)  # its length is limited: the first one drops out
            runner.message_hub.update_info('keep_ckpt_ids', list(self.keep_ckpt_ids))
        name = self.filename_tmpl.format(step)
        path = self._path(name)
        runner.message_hub.update_info('last_ckpt', path)
        runner.save_checkpoint(
            self.out_dir,
            name,
            self.file_client_args,
            save_optimizer=self.save_optimizer,
            save_param_scheduler=self.save_param_scheduler and runner.param_schedulers is not None,
            meta=meta,
            by_epoch=self.by_epoch,
            backend_args=self.backend_args,
            **self.args,
        )
        self.last_ckpt = path
        if is_main_process():
            with whole(Path(runner.work_dir) / LAST_CHECKPOINT) as note:
                note.write_text(path)
        self._remove(runner)

    def _outdate(self, runner: Runner, paths: list[str]) -> None:
        """Note files to remove after the next checkpoint is written.

        The note is saved in that checkpoint, so a training that is killed before it removes them does so on resuming.
        """
        runner.message_hub.update_info(OUTDATED, [*runner.message_hub.runtime_info.get(OUTDATED, []), *paths])

    def _remove(self, runner: Runner) -> None:
        for path in runner.message_hub.runtime_info.get(OUTDATED, []):
            # The note may come from a stranger's checkpoint: only checkpoints of this work dir are removed.
            own = path == self._path(Path(path).name) and path.endswith('.pth')
            if own and is_main_process() and self.file_backend.isfile(path):
                self.file_backend.remove(path)
        runner.message_hub.update_info(OUTDATED, [])
