"""mmengine's Runner with safe checkpoints, exact resuming, and explained failures."""

import logging
import shutil
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import IO, Any

import torch
from mmengine.config import Config
from mmengine.device import get_device
from mmengine.dist import is_distributed, is_main_process, master_only
from mmengine.logging import MMLogger
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner
from mmengine.runner.loops import BaseLoop
from torch import nn
from torch.distributed import DistError
from torch.nn.parallel import DistributedDataParallel

from hrpose.checkpoints import load_weights, plain_checkpoint, read_checkpoint, recognise, resumable
from hrpose.config import text_of
from hrpose.engine.distributed.processes import average_in_any_order, join, require_sync_bn, unwrapped, wrapper_options
from hrpose.engine.distributed.shared_file import agreed, as_first_process_has_it
from hrpose.engine.failures import explained, is_lost_process, way_on
from hrpose.engine.hooks.frozen_parts import freeze
from hrpose.engine.optimizer import require_matching_keys, scale_learning_rate
from hrpose.engine.schedule import follow_config
from hrpose.engine.takeover import checked_takeover
from hrpose.engine.work_dir import latest_checkpoint, take_work_dir
from hrpose.errors import UserError
from hrpose.files import whole
from hrpose.hardware import keep_freed_memory
from hrpose.plugins.openmmlab import prepare_openmmlab
from hrpose.registry import RUNNERS

# Every config has these hooks, listed or not; configs/_base_/runtime.py says what each is for.
DEFAULT_HOOKS = {
    'batch_size': {'type': 'hrpose.BatchSizeHook'},
    'epoch_seed': {'type': 'hrpose.EpochSeedHook'},
    'finite_loss': {'type': 'hrpose.FiniteLossHook'},
    'frozen_parts': {'type': 'hrpose.FrozenPartsHook'},
    'pending_gradients': {'type': 'hrpose.PendingGradientsHook'},
    'shared_statistics': {'type': 'hrpose.SharedStatisticsHook'},
    'speed': {'type': 'hrpose.SpeedHook'},
}


# Errors while a checkpoint is resumed that say nothing about its content.
# Older releases of PyTorch have no AcceleratorError.
_NOT_OF_THE_FILE: tuple[type[BaseException], ...] = (
    UserError,
    OSError,
    MemoryError,
    DistError,
    torch.OutOfMemoryError,
    *([torch.AcceleratorError] if hasattr(torch, 'AcceleratorError') else []),
)


class PlainConfig(Config):
    """A config whose text is written by `text_of`; mmengine's takes seconds, at the start and for each checkpoint."""

    @classmethod
    def of(cls, cfg: Config) -> 'PlainConfig':
        """Return a config that shares the values, file and environment of `cfg`."""
        shared = cls.__new__(cls)
        shared.__dict__.update(cfg.__dict__)
        return shared

    @property
    def pretty_text(self) -> str:
        """The config as a Python file."""
        return text_of(self)


def _report_once(handler: logging.FileHandler, _: logging.LogRecord) -> None:
    print(f'{handler.baseFilename}: cannot be written any more ({sys.exc_info()[1]}); it lacks lines', file=sys.stderr)
    handler.handleError = lambda record: None  # type: ignore[method-assign]


@RUNNERS.register_module()
class PoseRunner(Runner):
    """mmengine's Runner, but checkpoints are read safely, recognised by content and resumed exactly."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._reserved: IO[str] | None = None
        self._load_from: str | None
        self._resume: bool
        self.optim_wrapper: Any
        self.param_schedulers: Any
        prepare_openmmlab()
        if isinstance(kwargs.get('cfg'), Config):
            kwargs['cfg'] = PlainConfig.of(kwargs['cfg'])
        super().__init__(*args, **kwargs)

    def setup_env(self, env_cfg: dict[str, Any]) -> None:
        """Join the processes (mmengine's way needs CUDA), set up mmengine's environment, and lock the work dir."""
        if self.distributed and not is_distributed():
            join(self.launcher, **env_cfg.get('dist_cfg', {}))
        super().setup_env(env_cfg)
        if get_device() == 'cpu':
            keep_freed_memory()
        if self._train_dataloader is not None and is_main_process():
            self._reserved = take_work_dir(self.work_dir)

    def build_logger(self, *args: Any, **kwargs: Any) -> MMLogger:
        """Build the logger; a log file that cannot be written is reported once, not for each line."""
        logger = super().build_logger(*args, **kwargs)
        for handler in logger.handlers:
            if isinstance(handler, logging.FileHandler):
                handler.handleError = partial(_report_once, handler)  # type: ignore[method-assign]
        return logger

    def train(self) -> nn.Module:
        """Train and return the model; a failure of the machine raises `UserError`."""
        try:
            with explained(self, training=True):
                return super().train()
        finally:
            if self._reserved:
                self._reserved.close()

    def test(self) -> dict[str, float]:
        """Test and return the metrics; a failure of the machine raises `UserError`."""
        with explained(self, training=False):
            return super().test()

    def wrap_model(self, model_wrapper_cfg: dict[str, Any] | None, model: nn.Module) -> nn.Module:
        """Move the model to its device; several processes average its gradients."""
        require_sync_bn(self.cfg.get('sync_bn'), self.distributed)
        # Before the wrapper looks which parameters have gradients.
        self.frozen_parts = freeze(model, self.cfg.get('frozen') or ())
        if self.distributed and not is_model_wrapper(model):
            model_wrapper_cfg = wrapper_options(model_wrapper_cfg, self.cfg.get('find_unused_parameters', False))
        wrapped = super().wrap_model(model_wrapper_cfg, model)
        if isinstance(wrapped, DistributedDataParallel) and wrapped.device_type == 'cpu':
            wrapped.register_comm_hook(None, average_in_any_order)
        return wrapped

    def register_default_hooks(self, hooks: dict[str, Any] | None = None) -> None:
        """Register mmengine's default hooks and hrpose's; the config replaces one by its name, None removes it."""
        hooks = {**DEFAULT_HOOKS, **(hooks or {})}
        # mmengine accepts None for its own hooks only.
        super().register_default_hooks(
            {name: hook for name, hook in hooks.items() if hook is not None or name not in DEFAULT_HOOKS}
        )

    def build_optim_wrapper(self, optim_wrapper: Any) -> Any:
        """Build the optimizer; raise `UserError` for a key of `custom_keys` that matches no weight."""
        if isinstance(optim_wrapper, dict):
            names = (name for name, _ in self.model.named_parameters())
            require_matching_keys(optim_wrapper.get('paramwise_cfg'), names)
        return super().build_optim_wrapper(optim_wrapper)

    def scale_lr(self, optim_wrapper: Any, auto_scale_lr: dict[str, Any] | None = None) -> None:
        """Scale the learning rate to the effective batch; mmengine ignores accumulated batches."""
        scale_learning_rate(self, auto_scale_lr)

    def load_or_resume(self) -> None:
        """Load or resume from the named checkpoint, or resume from the latest in the work dir of process 0."""
        if self._resume and self._load_from is None:
            latest = latest_checkpoint(self.work_dir)
            self._load_from = None if latest is None else str(latest)
        self._resume, self._load_from = agreed(self._resume, self._load_from)
        if self._load_from is not None:
            super().load_or_resume()

    def resume(self, filename: str, *args: Any, **kwargs: Any) -> None:
        """Resume from a checkpoint; arguments are mmengine's.

        Hyperparameters and schedules are those of the config. If it has no seed, the checkpoint's is used.

        Raises:
            UserError: the file cannot be read safely or does not fit.
        """
        self.optim_wrapper = self.build_optim_wrapper(self.optim_wrapper)
        if self.param_schedulers is not None:
            self.param_schedulers = self.build_param_scheduler(self.param_schedulers)
        try:
            super().resume(filename, *args, **kwargs)
            follow_config(self)
        except _NOT_OF_THE_FILE:
            raise
        except Exception as error:  # the file may be of another network, or from a stranger
            if is_lost_process(error):
                raise
            raise UserError(
                f'{filename}: cannot resume from it ({type(error).__name__}: {error!s:.300}); start a new training '
                'from its weights with --cfg-options load_from=FILE, without --resume'
            ) from error
        sampler = self.train_dataloader.sampler
        if self.cfg.train_dataloader.get('sampler', {}).get('seed') is None and hasattr(sampler, 'seed'):
            sampler.seed = self.seed

    def call_hook(self, fn_name: str, **kwargs: Any) -> None:
        """Call each hook; afterwards, turn a checkpoint to be saved into tensors and plain values."""
        super().call_hook(fn_name, **kwargs)
        if fn_name == 'before_save_checkpoint':
            kwargs['checkpoint'].update(plain_checkpoint(kwargs['checkpoint']))

    @master_only
    def save_checkpoint(self, out_dir: str, filename: str, *args: Any, **kwargs: Any) -> None:
        """Save a checkpoint; arguments are mmengine's. A file on disk is complete or absent.

        Raises:
            UserError: it cannot be written; earlier checkpoints are untouched.
        """
        if '://' in str(out_dir):
            super().save_checkpoint(out_dir, filename, *args, **kwargs)
            return
        path = Path(out_dir) / filename
        try:
            with whole(path) as part:
                super().save_checkpoint(out_dir, part.name, *args, **kwargs)
        except OSError as error:
            free = shutil.disk_usage(path.parent).free / 2**20 if path.parent.is_dir() else 0
            raise UserError(
                f'checkpoint {path}: cannot be saved ({error.strerror}, {free:.0f} MiB free); earlier ones are unharmed'
                + way_on(self.work_dir)
            ) from error

    def load_checkpoint(
        self, filename: str, map_location: Any = 'cpu', strict: bool = False, revise_keys: Any = ()
    ) -> dict[str, Any]:
        """Load weights into the model and return the checkpoint, with the weights' names of hrpose in `state_dict`.

        A training that starts from other weights (`load_from`) may lack some; a test, a resumed training and `strict`
        need all.

        Args:
            filename: a path, the name of published weights, or an http(s) address. Processes that do not have the file
                of process 0 receive it.
            map_location: device of the tensors.
            strict: whether the file has to have every weight of the model.
            revise_keys: not supported; names are recognised by content.

        Raises:
            UserError: the file cannot be read safely or does not fit.
        """
        if revise_keys:
            raise UserError('revise_keys: not supported; leave it out, hrpose recognises the names in a checkpoint')
        with as_first_process_has_it(str(filename)) as path:
            content = read_checkpoint(path, map_location)
        if self._resume and not {'meta', 'message_hub', 'optimizer'} <= set(content):
            raise UserError(
                f'{filename}: has weights only, so no training can resume from it; start a new one from them with '
                '--cfg-options load_from=FILE, without --resume'
            )
        if self._resume:
            try:
                content = checked_takeover(resumable(content), self)
            except UserError as error:
                raise UserError(
                    f'{filename}: cannot resume from it: {error}, or start a new training from its weights with '
                    '--cfg-options load_from=FILE, without --resume'
                ) from error
        found = recognise(content)
        # Hooks find the weights where mmengine has them, and may replace them (EMA does).
        checkpoint = {**content, 'state_dict': found.weights}
        self.call_hook('after_load_checkpoint', checkpoint=checkpoint)
        fine_tuning = isinstance(self._train_loop, BaseLoop) and not self._resume
        found = replace(found, weights=checkpoint['state_dict'])
        load_weights(unwrapped(self.model), found, name=str(filename), complete=strict or not fine_tuning)
        self._has_loaded = True
        return checkpoint
