"""Mixed precision where mmengine has none: bf16 on CPUs."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from mmengine.optim import OptimWrapper
from torch import nn

from hrpose.registry import OPTIM_WRAPPERS


@OPTIM_WRAPPERS.register_module()
class BF16OptimWrapper(OptimWrapper):
    """mmengine's optimizer wrapper with the forward pass in bf16, on the device that holds the model.

    bf16 has float32's range, so gradients need no scaling; weights and optimizer stay in float32. mmengine's
    `AmpOptimWrapper` runs on accelerators only. Arguments are those of `OptimWrapper`.
    """

    @contextmanager
    def optim_context(self, model: nn.Module) -> Iterator[None]:
        """Run the forward pass inside autocast."""
        device = next(model.parameters()).device.type
        with super().optim_context(model), torch.autocast(device, dtype=torch.bfloat16):
            yield
