"""A pose estimator that is ready to predict."""

from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope

from hrpose.checkpoints import load_weights, read_checkpoint
from hrpose.config import link, load_config
from hrpose.errors import UserError
from hrpose.hardware import auto_device
from hrpose.plugins.openmmlab import prepare_openmmlab
from hrpose.registry import MODELS


def init_model(config: str | Path | Config, checkpoint: str | Path | None = None, device: str = 'auto') -> Any:
    """Build the model of a config in eval mode, with a checkpoint's weights and its config as `cfg`.

    Args:
        config: a config file, the name of one that hrpose ships, or what `load_config` returned.
        checkpoint: a path, the name of published weights, or an http(s) address, in any layout that
            `hrpose.checkpoints` recognises; it has to hold every weight of the model. Without it the weights are
            initial ones, good for shapes and timings only.
        device: 'cpu', 'cuda', 'cuda:1' and so on; 'auto' is the GPU if there is one, else the CPU.

    Raises:
        UserError: a config or checkpoint cannot be read, the checkpoint does not fit, or there is no such device.
    """
    prepare_openmmlab()
    place = checked_device(device)
    cfg = link(config) if isinstance(config, Config) else load_config(config)
    if cfg.get('model') is None:
        raise UserError(f'the config {cfg.filename or "given"} has no model')
    # A runner, or mmdet's own functions, may have left another scope behind.
    with DefaultScope.overwrite_default_scope(cfg.get('default_scope', 'hrpose')):
        model = MODELS.build(cfg.model)
    model.cfg = cfg
    if checkpoint is not None:
        load_weights(model, read_checkpoint(checkpoint), name=str(checkpoint), complete=True)
    return model.to(place).eval()


def checked_device(device: str) -> torch.device:
    """Return the device of that name, or 'auto'; raise `UserError` if PyTorch has none here."""
    try:
        return torch.empty(0, device=auto_device() if device == 'auto' else device).device
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).strip().split('\n')[0]
        raise UserError(f"there is no device '{device}' here: {reason}; 'cpu' always works") from error
