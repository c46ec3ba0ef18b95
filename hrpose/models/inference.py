"""Make a faster network for prediction that computes the same function.

Each batch normalisation is folded into the convolution before it, which changes results by rounding only. Half
precision and compilation are options of the config.
"""

import copy
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn

from hrpose.errors import UserError, nearest
from hrpose.hardware import PRECISIONS, bf16_is_faster
from hrpose.models.graphs import GraphedPrediction

# Held while a network for prediction is built; several threads may ask for the same one.
BUILDING = threading.RLock()

NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)


@dataclass(frozen=True)
class InferenceNetwork:
    """The parts of a network for prediction; a part that differs from the model's has weights of its own.

    Attributes:
        parts: backbone, neck if there is one, and head; each takes the output of the one before it. A compiled network
            is one part: as CUDA graphs of their own, one part would overwrite what another still reads.
        dtype: of the computation; heatmaps are float32.
        how: a line for the log that tells what is on, and what would be faster.
        graphs: run as CUDA graphs on a GPU; see `GraphedPrediction`.
    """

    parts: tuple[nn.Module, ...]
    dtype: torch.dtype
    how: str
    graphs: bool = False

    def __call__(self, images: Tensor) -> Tensor:
        """Return heatmaps (B, K, h, w) float32 for normalised images (B, 3, H, W)."""
        return self._run(images)

    @cached_property
    def _run(self) -> Callable[[Tensor], Tensor]:
        return GraphedPrediction(self._plain) if self.graphs else self._plain

    def _plain(self, images: Tensor) -> Tensor:
        flowing: Any = images.to(self.dtype)
        for part in self.parts:
            flowing = part(flowing)
        # torch.compile's CUDA graphs write all their results into the same memory, so they are copied.
        return flowing.to(torch.float32, copy=flowing.is_cuda and not self.graphs)


def inference_network(
    parts: Sequence[nn.Module],
    *,
    fuse: bool = True,
    precision: str = 'fp32',
    compile: bool = False,
    cuda_graphs: bool = False,
) -> InferenceNetwork:
    """Return the network for prediction; `parts` stay unchanged.

    Args:
        parts: backbone, neck if there is one, and head, all in eval mode.
        fuse: fold batch normalisations into the convolutions before them.
        precision: 'fp32', 'bf16' or 'fp16', of weights and computation.
        compile: compile them with `torch.compile` at the first call: with constant weights on a CPU, as CUDA graphs on
            a GPU.
        cuda_graphs: on a GPU, launch small batches as CUDA graphs; `compile` does so by itself.

    Raises:
        UserError: an unknown precision, or fp16 on a CPU.
    """
    check_precision(precision)
    device = next(parts[0].parameters(), torch.empty(0)).device
    if precision == 'fp16' and device.type == 'cpu':
        raise UserError("model.precision='fp16' is for GPUs, and slow on a CPU; take 'bf16'")
    dtype = PRECISIONS[precision]
    fast = [fold_norms(part) if fuse else part for part in parts]
    graphs = cuda_graphs and not compile and device.type == 'cuda'
    how = _how(device, precision, _norms(*parts) - _norms(*fast), compile, graphs)
    if dtype != torch.float32:
        fast = [copy.deepcopy(part).to(dtype) for part in fast]
    if compile:
        fast = [_compiled(nn.Sequential(*fast), device)]
    return InferenceNetwork(tuple(fast), dtype, how, graphs)


def check_precision(precision: str) -> None:
    """Raise `UserError` unless `precision` is one of `PRECISIONS`."""
    if precision not in PRECISIONS:
        raise UserError(f"model.precision: there is no '{precision}'; {nearest(str(precision), PRECISIONS)}")


def fold_norms(network: nn.Module) -> nn.Module:
    """Return a copy of `network`, in eval mode, with each batch normalisation folded into the convolution before it.

    A convolution whose output is also read elsewhere is left alone. A network that has no normalisations, or cannot be
    traced, is returned itself.
    """
    if not _norms(network):
        return network
    from torch.fx.experimental.optimization import fuse

    try:
        with BUILDING:  # two traces at once would leave nn.Module patched for ever
            folded = fuse(_traced(network), no_trace=True)
    except Exception:  # tracing runs the network's own code, which may raise anything
        return network
    return folded.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def _traced(network: nn.Module) -> nn.Module:
    """Return `network` as a graph. While it is traced, nn.Module is patched; calls in other threads pass unchanged."""
    from torch.fx import GraphModule, Tracer

    thread = threading.get_ident()

    class ThreadTracer(Tracer):
        def call_module(self, m: nn.Module, forward: Callable, args: tuple, kwargs: dict) -> Any:
            here = threading.get_ident() == thread
            return super().call_module(m, forward, args, kwargs) if here else forward(*args, **kwargs)

        def getattr(self, attr: str, attr_val: Any, parameter_proxy_cache: dict) -> Any:
            here = threading.get_ident() == thread
            return super().getattr(attr, attr_val, parameter_proxy_cache) if here else attr_val

    return GraphModule(network, ThreadTracer().trace(network))


def _norms(*networks: nn.Module) -> int:
    return sum(isinstance(module, NORMS) for network in networks for module in network.modules())


def _compiled(network: nn.Module, device: torch.device) -> nn.Module:
    """Return a copy that compiles itself at its first call, which fails if the graph breaks."""
    network = copy.deepcopy(network)
    options: dict[str, Any] = {'options': {'freezing': True}} if device.type == 'cpu' else {'mode': 'reduce-overhead'}
    network.compile(fullgraph=True, **options)
    return network


def _how(device: torch.device, precision: str, folded: int, compile: bool, graphs: bool) -> str:
    on = f'{precision}, channels last, {folded} normalisations folded, {"compiled" if compile else "not compiled"}'
    on += ', CUDA graphs' * graphs
    bf16 = ["model.precision='bf16'"] * (precision == 'fp32' and bf16_is_faster(device.type))
    on_gpu = ['model.cuda_graphs=True (small batches)'] * (device.type == 'cuda' and not (graphs or compile))
    faster = ', '.join(bf16 + on_gpu + ['model.compile=True'] * (not compile))
    return f'prediction on {device.type}: {on}' + (f'; faster still: {faster}' if faster else '')
