"""A model ready for prediction."""

from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config

from hrpose.checkpoints import guard_mmengine, load_weights, read_checkpoint
from hrpose.config import link, load_config
from hrpose.registry import MODELS


def init_model(config: str | Path | Config, checkpoint: str | Path | None = None, device: str = 'cpu') -> Any:
    """Return the model of a config in eval mode on `device`, with a checkpoint's weights.

    Without a checkpoint the weights are PyTorch's initial ones: good for shapes and timings only.

    Args:
        config: a config file, or what `load_config` returned.
        checkpoint: a path, the name of published weights, or an http(s) address; any layout that
            `hrpose.checkpoints.families` lists, with every weight of the model.
        device: where the model goes.

    Raises:
        UserError: a config or checkpoint that cannot be read, or a checkpoint that does not fit.
    """
    guard_mmengine()
    cfg = link(config) if isinstance(config, Config) else load_config(config)
    model = MODELS.build(cfg.model)
    if checkpoint is not None:
        load_weights(model, read_checkpoint(checkpoint), name=str(checkpoint), complete=True)
    return model.to(torch.device(device)).eval()
