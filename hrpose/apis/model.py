"""A model ready for prediction."""

from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config

from hrpose.checkpoints import load_weights, read_checkpoint
from hrpose.config import link, load_config
from hrpose.registry import MODELS


def init_model(config: str | Path | Config, checkpoint: str | Path | None = None, device: str = 'cpu') -> Any:
    """Return the model of a config in eval mode on `device`, with a checkpoint's weights or fresh ones.

    Raises:
        UserError: a config or checkpoint that cannot be read, or a checkpoint that does not fit.
    """
    cfg = link(config) if isinstance(config, Config) else load_config(config)
    model = MODELS.build(cfg.model)
    if checkpoint is None:
        model.init_weights()
    else:
        load_weights(model, read_checkpoint(checkpoint), name=str(checkpoint), complete=True)
    return model.to(torch.device(device)).eval()
