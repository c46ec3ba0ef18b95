"""mmengine's Runner, but for how weights come in, which batch the learning rate follows, and how processes join."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

import torch
from mmengine.config import Config
from mmengine.device import get_device
from mmengine.dist import is_distributed, is_main_process, master_only
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner
from mmengine.runner.loops import BaseLoop
from torch import nn
from torch.distributed import DistError
from torch.nn.parallel import DistributedDataParallel

from hrpose.checkpoints import load_recognised, plain_checkpoint, read_checkpoint, recognise, resumable
from hrpose.engine.config_text import FormattedOnce
from hrpose.engine.distributed.processes import average_in_any_order, join, require_sync_bn, wrapper_options
from hrpose.engine.distributed.shared_file import agreed, as_first_process_has_it
from hrpose.engine.failures import explained, is_lost_process, way_on
from hrpose.engine.hooks.frozen_parts import freeze
from hrpose.engine.optimizer import require_matching_keys, scale_learning_rate
from hrpose.engine.schedule import follow_config, schedulers_of, start_of
from hrpose.engine.work_dir import latest_checkpoint, take_work_dir, whole
from hrpose.errors import UserError
from hrpose.hardware import keep_freed_memory
from hrpose.plugins.openmmlab import prepare_openmmlab
from hrpose.registry import RUNNERS

# What a config gets that does not have them; configs/_base_/runtime.py says what each is for.
DEFAULT_HOOKS = {
    'batch_size': {'type': 'hrpose.BatchSizeHook'},
    'epoch_seed': {'type': 'hrpose.EpochSeedHook'},
    'finite_loss': {'type': 'hrpose.FiniteLossHook'},
    'frozen_parts': {'type': 'hrpose.FrozenPartsHook'},
    'pending_gradients': {'type': 'hrpose.PendingGradientsHook'},
    'shared_statistics': {'type': 'hrpose.SharedStatisticsHook'},
    'speed': {'type': 'hrpose.SpeedHook'},
}


@RUNNERS.register_module()
class PoseRunner(Runner):
    """The Runner; checkpoints are read safely, recognised by content, and what did not fit is said or refused."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._reserved: IO[str] | None = None
        self._load_from: str | None
        self._resume: bool
        prepare_openmmlab()
        if isinstance(kwargs.get('cfg'), Config):
            kwargs['cfg'] = FormattedOnce.of(kwargs['cfg'])
        super().__init__(*args, **kwargs)

    def setup_env(self, env_cfg: dict[str, Any]) -> None:
        """Set up mmengine's environment, and malloc on a CPU; the processes join here: mmengine's way needs CUDA."""
        if self.distributed and not is_distributed():
            join(self.launcher, **env_cfg.get('dist_cfg', {}))
        super().setup_env(env_cfg)
        if get_device() == 'cpu':
            keep_freed_memory()
        # Before anything is written there.
        if self._train_dataloader is not None and is_main_process():
            self._reserved = take_work_dir(self.work_dir)

    def train(self) -> nn.Module:
        """Train; what the machine does to it ends in a `UserError`. Returns the model."""
        try:
            with explained(self, training=True):
                return super().train()
        finally:
            if self._reserved:
                self._reserved.close()

    def test(self) -> dict[str, float]:
        """Test; what the machine does to it ends in a `UserError`. Returns the figures."""
        with explained(self, training=False):
            return super().test()

    def wrap_model(self, model_wrapper_cfg: dict[str, Any] | None, model: nn.Module) -> nn.Module:
        """Move the model to its device and, with several processes, let them average its gradients."""
        require_sync_bn(self.cfg.get('sync_bn'), self.distributed)
        # Before the processes agree on whose gradients they average.
        self.frozen_parts = freeze(model, self.cfg.get('frozen') or ())
        if self.distributed and not is_model_wrapper(model):
            model_wrapper_cfg = wrapper_options(model_wrapper_cfg, self.cfg.get('find_unused_parameters', False))
        wrapped = super().wrap_model(model_wrapper_cfg, model)
        if isinstance(wrapped, DistributedDataParallel) and wrapped.device_type == 'cpu':
            wrapped.register_comm_hook(None, average_in_any_order)
        return wrapped

    def register_default_hooks(self, hooks: dict[str, Any] | None = None) -> None:
        """Register mmengine's default hooks and hrpose's; the config exchanges each by its name, None removes it."""
        hooks = {**DEFAULT_HOOKS, **(hooks or {})}
        # mmengine takes None for its own hooks only.
        super().register_default_hooks(
            {name: hook for name, hook in hooks.items() if hook is not None or name not in DEFAULT_HOOKS}
        )

    def build_optim_wrapper(self, optim_wrapper: Any) -> Any:
        """Build the optimizer; a learning rate that is for no weight of the model is refused."""
        if isinstance(optim_wrapper, dict):
            names = (name for name, _ in self.model.named_parameters())
            require_matching_keys(optim_wrapper.get('paramwise_cfg'), names)
        return super().build_optim_wrapper(optim_wrapper)

    def scale_lr(self, optim_wrapper: Any, auto_scale_lr: dict[str, Any] | None = None) -> None:
        """Scale the learning rate to the effective batch where that is asked for; mmengine's forgets accumulation."""
        scale_learning_rate(self, auto_scale_lr)

    def load_or_resume(self) -> None:
        """Load or go on from a checkpoint: the named one, or the last whole one of process 0's work dir."""
        if self._resume and self._load_from is None:
            latest = latest_checkpoint(self.work_dir)
            self._load_from = None if latest is None else str(latest)
        self._resume, self._load_from = agreed(self._resume, self._load_from)
        if self._load_from is not None:
            super().load_or_resume()

    def resume(self, filename: str, *args: Any, **kwargs: Any) -> None:
        """Go on from a checkpoint; arguments are mmengine's.

        Learning rates follow the schedule of the config; a seed that was drawn by chance is taken over everywhere.

        Raises:
            UserError: the file cannot be read safely or does not fit.
        """
        start = start_of(schedulers_of(self))
        try:
            super().resume(filename, *args, **kwargs)
            if bad := [done for done in (self.epoch, self.iter) if type(done) is not int or done < 0]:
                raise TypeError(f'it says that {bad[0]!r} epochs or steps were done')
            follow_config(self, start)
        except (UserError, OSError, MemoryError, torch.OutOfMemoryError, torch.AcceleratorError, DistError):
            raise
        except Exception as error:  # of what the file holds, which may be another network's or a stranger's
            if is_lost_process(error):
                raise
            raise UserError(
                f'{filename} holds no state that this training can go on from: {type(error).__name__}: {error!s:.300}. '
                'To start a new one from its weights: --cfg-options load_from=FILE, without --resume'
            ) from error
        sampler = self.train_dataloader.sampler
        if self.cfg.train_dataloader.get('sampler', {}).get('seed') is None and hasattr(sampler, 'seed'):
            sampler.seed = self.seed

    def call_hook(self, fn_name: str, **kwargs: Any) -> None:
        """Call each hook; what they all make of a checkpoint is saved as tensors and plain values."""
        super().call_hook(fn_name, **kwargs)
        if fn_name == 'before_save_checkpoint':
            kwargs['checkpoint'].update(plain_checkpoint(kwargs['checkpoint']))

    @master_only
    def save_checkpoint(self, out_dir: str, filename: str, *args: Any, **kwargs: Any) -> None:
        """Write a checkpoint; arguments are mmengine's. On a disk it is there whole or not at all.

        Raises:
            UserError: it could not be written; what was there before is as it was.
        """
        if '://' in str(out_dir):
            super().save_checkpoint(out_dir, filename, *args, **kwargs)
            return
        path = Path(out_dir) / filename
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with whole(path) as part:
                super().save_checkpoint(out_dir, part.name, *args, **kwargs)
        except OSError as error:
            free = shutil.disk_usage(path.parent).free / 2**20 if path.parent.is_dir() else 0
            raise UserError(
                f'the checkpoint {path} could not be saved: {error.strerror} ({free:.0f} MiB free there). Nothing that '
                'was saved before is lost' + way_on(self.work_dir)
            ) from error

    def load_checkpoint(
        self, filename: str, map_location: Any = 'cpu', strict: bool = False, revise_keys: Any = ()
    ) -> dict[str, Any]:
        """Load weights into the model and return the checkpoint's content, its `state_dict` under hrpose's names.

        A start from other weights (`load_from` in training) may fit in part; a test, a resumed run, or `strict`
        needs every weight.

        Args:
            filename: a path, the name of published weights, or an http(s) address; a file of process 0's is sent to the
                processes that do not have it.
            map_location: where the tensors are read to.
            strict: whether every weight of the model has to be in the file.
            revise_keys: not taken; names are recognised by content.

        Raises:
            UserError: the file cannot be read safely or does not fit.
        """
        if revise_keys:
            raise UserError('revise_keys is not taken: hrpose recognises whose names a checkpoint has by itself')
        with as_first_process_has_it(str(filename)) as path:
            content = read_checkpoint(path, map_location)
        if self._resume and not {'meta', 'message_hub', 'optimizer'} <= set(content):
            raise UserError(
                f'{filename} holds weights only, so no training can be resumed from it; '
                'to start a new one from these weights: --cfg-options load_from=FILE, without --resume'
            )
        if self._resume:
            content = resumable(content)
        found = recognise(content)
        # Hooks find the weights where mmengine has them, and may exchange them (averaged weights do).
        checkpoint = {**content, 'state_dict': found.weights}
        self.call_hook('after_load_checkpoint', checkpoint=checkpoint)
        model = self.model.module if is_model_wrapper(self.model) else self.model
        fine_tuning = isinstance(self._train_loop, BaseLoop) and not self._resume
        found = replace(found, weights=checkpoint['state_dict'])
        load_recognised(model, found, name=str(filename), complete=strict or not fine_tuning)
        self._has_loaded = True
        return checkpoint
