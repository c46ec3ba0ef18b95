"""How fast this machine computes at best: what a network's rate is compared with."""

from collections.abc import Callable, Iterator
from functools import partial

import torch
from torch import nn

from hrpose.analysis.benchmark.timing import Work, measure

# (channels, rows and columns) of 3x3 convolutions, in batches of 8; and the side of a square matrix product.
CONVOLUTIONS = {'cpu': ((64, 64), (256, 32)), 'cuda': ((256, 128), (512, 64))}
PRODUCT = {'cpu': 1024, 'cuda': 8192}
BATCH = 8


@torch.no_grad()
def best_rate(device: torch.device, dtype: torch.dtype) -> float:
    """Return the floating point operations a second that the best of a few large kernels reaches here in `dtype`.

    These are a matrix product and 3x3 convolutions, channels last. A product alone is no measure: on a CPU it is
    another library's than the convolutions, and that library may leave a processor's widest instructions unused
    (MKL on an AMD EPYC with AVX-512: 0.4 of what oneDNN's convolutions reach in float32).
    """
    rates = []
    for operations, run in _kernels(device, dtype):
        timing = measure({'kernel': Work(run, people=1)}, device, repeats=7)['kernel']
        rates.append(operations / min(timing.seconds))
    return max(rates)


def _kernels(device: torch.device, dtype: torch.dtype) -> Iterator[tuple[float, Callable[[], object]]]:
    """Yield (floating point operations, a call that does them)."""
    kind = 'cuda' if device.type == 'cuda' else 'cpu'
    side = PRODUCT[kind]
    a, b = (torch.randn(side, side, device=device).to(dtype) for _ in range(2))
    yield 2.0 * side**3, partial(torch.matmul, a, b)
    for channels, size in CONVOLUTIONS[kind]:
        images = torch.randn(BATCH, channels, size, size, device=device).to(dtype, memory_format=torch.channels_last)
        layer = nn.Conv2d(channels, channels, 3, padding=1, bias=False).to(device, dtype)
        layer = layer.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        yield 2.0 * 9 * channels**2 * BATCH * size**2, partial(layer, images)
