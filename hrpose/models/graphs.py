"""CUDA graphs: replay all kernels of a network with one launch.

At small batches, a GPU waits for the processor, which launches thousands of kernels for each pass of HRNet. A recorded
graph is launched at once. It is for one shape of inputs, computes in the same kernels, and keeps its memory.
"""

import copy
import threading
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

# A prediction of more pixels keeps the card busy without a graph: 128 images of 256x192.
MOST_PIXELS = 128 * 256 * 192
# Each recorded shape keeps its own memory.
MOST_SHAPES = 4


class GraphedPrediction:
    """Run a function on a GPU as a CUDA graph, from the third call with the same shape on.

    The first two calls run as they are, because libraries choose and set up their kernels then. Other devices, large
    inputs, and more than `MOST_SHAPES` shapes are never recorded.

    Args:
        function: images (B, C, H, W) -> a tensor; no gradients, nothing that depends on values on the CPU.
    """

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        self.function = function
        self._calls: dict[tuple[Any, ...], int] = {}
        self._graphs: dict[tuple[Any, ...], tuple[torch.cuda.CUDAGraph, Tensor, Tensor]] = {}
        self._lock = threading.Lock()  # threads share a graph's inputs and outputs

    def __call__(self, images: Tensor) -> Tensor:
        """Return the function's result, in memory of its own."""
        if not images.is_cuda or torch.is_grad_enabled() or images.shape[0] * images[0, 0].numel() > MOST_PIXELS:
            return self.function(images)
        stream = torch.cuda.current_stream(images.device).cuda_stream
        key = (images.shape, images.stride(), images.dtype, images.device, stream, *_switches())
        with self._lock:
            if key not in self._graphs:
                calls = self._calls[key] = self._calls.get(key, 0) + 1
                if calls <= 2 or len(self._graphs) == MOST_SHAPES or torch.cuda.is_current_stream_capturing():
                    return self.function(images)
                self._graphs[key] = self._recorded(images)
            graph, inputs, outputs = self._graphs[key]
            inputs.copy_(images)
            graph.replay()
            return outputs.clone()

    def __deepcopy__(self, memo: dict[int, Any]) -> 'GraphedPrediction':
        """Return one without graphs, which cannot be copied."""
        return GraphedPrediction(copy.deepcopy(self.function, memo))

    def _recorded(self, images: Tensor) -> tuple[torch.cuda.CUDAGraph, Tensor, Tensor]:
        inputs = images.clone()
        graph = torch.cuda.CUDAGraph()
        # Other threads may use the GPU meanwhile.
        with torch.cuda.graph(graph, capture_error_mode='thread_local'):
            outputs = self.function(inputs)
        return graph, inputs, outputs


class GraphedTraining:
    """Run modules one after another as one CUDA graph forward and one backward, for the first shape that comes twice.

    Inputs of another shape, such as an epoch's last batch, run as they are. Hooks of the modules are called while the
    graph is recorded, not when it is replayed. A loss of an earlier step that is still held with its gradient function
    makes the recording fail.

    Args:
        parts: modules in training mode; each takes the output of the one before it.
    """

    def __init__(self, parts: Sequence[nn.Module]) -> None:
        self.network = nn.Sequential(*parts)
        self._seen: set[tuple[Any, ...]] = set()
        self._key: tuple[Any, ...] | None = None
        self._graph: Any = None

    def __call__(self, images: Tensor) -> Any:
        """Return the output of the last module for images (B, C, H, W) on a GPU."""
        if not torch.is_grad_enabled():
            return self.network(images)
        trained = tuple(each.requires_grad for each in self.network.parameters())
        key = (images.shape, images.stride(), images.dtype, trained, *_switches())
        if self._graph is None and key in self._seen:
            self._key, self._graph = key, _recorded_training(self.network, images)
        self._seen.add(key)
        if key != self._key:
            return self.network(images)
        for parameter in self.network.parameters():
            if parameter.grad is not None:  # gradients are summed over batches; the next replay would overwrite these
                parameter.grad = parameter.grad.clone()
        return self._graph(images)

    def __deepcopy__(self, memo: dict[int, Any]) -> 'GraphedTraining':
        """Return one without a graph, which cannot be copied."""
        return GraphedTraining(copy.deepcopy(list(self.network), memo))


def _recorded_training(network: nn.Sequential, images: Tensor) -> Callable[[Tensor], Any]:
    """Record forward and backward; the running statistics of normalisations stay as they were."""
    buffers = {name: buffer.clone() for name, buffer in network.named_buffers()}
    # `make_graphed_callables` replaces the `forward` of what it is given: a module of its own, with the same parts.
    graphed = nn.Sequential(*network.children())
    enabled = torch.is_autocast_enabled('cuda')
    # Autocast keeps casted weights for the whole step, which a replay would not cast again.
    with torch.autocast('cuda', dtype=torch.get_autocast_dtype('cuda'), enabled=enabled, cache_enabled=False):
        torch.cuda.make_graphed_callables(graphed, (images.clone(),), allow_unused_input=True)
    with torch.no_grad():
        for name, buffer in network.named_buffers():
            buffer.copy_(buffers[name])
    return graphed


def _switches() -> tuple[Any, ...]:
    """Return PyTorch's settings that choose other kernels."""
    autocast = torch.get_autocast_dtype('cuda') if torch.is_autocast_enabled('cuda') else None
    return autocast, torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32
