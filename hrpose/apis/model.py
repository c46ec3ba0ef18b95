"""A model ready for prediction."""

from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope

from hrpose.checkpoints import load_weights, read_checkpoint
from hrpose.config import link, load_config
from hrpose.errors import UserError
from hrpose.plugins.openmmlab import prepare_openmmlab
from hrpose.registry import MODELS


def init_model(config: str | Path | Config, checkpoint: str | Path | None = None, device: str = 'cpu') -> Any:
    """Return the model of a config in eval mode on `device`, with a checkpoint's weights and its config as `cfg`.

    Without a checkpoint the weights are PyTorch's initial ones: good for shapes and timings only.

    Args:
        config: a config file, the name of one that hrpose brings along, or what `load_config` returned.
        checkpoint: a path, the name of published weights, or an http(s) address; any layout that
            `hrpose.checkpoints.families` lists, with every weight of the model.
        device: where the model goes.

    Raises:
        UserError: a config or checkpoint that cannot be read, a checkpoint that does not fit, no such device.
    """
    prepare_openmmlab()
    place = checked_device(device)
    cfg = link(config) if isinstance(config, Config) else load_config(config)
    if cfg.get('model') is None:
        raise UserError(f'the config {cfg.filename or "given"} has no model')
    # Whatever scope a runner, or mmdet's own functions, left behind.
    with DefaultScope.overwrite_default_scope(cfg.get('default_scope', 'hrpose')):
        model = MODELS.build(cfg.model)
    model.cfg = cfg
    if checkpoint is not None:
        load_weights(model, read_checkpoint(checkpoint), name=str(checkpoint), complete=True)
    return model.to(place).eval()


def checked_device(device: str) -> torch.device:
    """Return the device of that name; raise `UserError` where PyTorch has none."""
    try:
        return torch.empty(0, device=device).device
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).strip().split('\n')[0]
        raise UserError(f"there is no device '{device}' here: {reason}; 'cpu' is everywhere") from error
