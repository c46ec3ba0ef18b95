"""Parameters, multiply-adds and activations of a model for one image, layer by layer.

Only convolutions, transposed convolutions and linear layers are counted, as in the published tables: no
normalisation, no interpolation, no products inside attention.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import astuple, dataclass
from math import prod
from typing import Any

import torch
from mmengine.config import Config
from torch import Tensor, nn

from hrpose.apis import init_model
from hrpose.errors import UserError
from hrpose.evaluation.metrics.base import format_table

COUNTED = (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)

# The official release divides its counts by 1024^3 and calls the result GFLOPs.
OFFICIAL_GIGA = 1024**3

HEADER = ('part', 'parameters, M', 'GFLOPs as published', 'multiply-adds, G', 'FLOPs, G', 'activations, M')
LEGEND = """
as published: multiply-adds over 1024^3, of a transposed convolution at each cell of its output (the count of the
official release and of the paper's tables); plain: multiply-adds over 10^9, and two FLOPs for each of them. Counted are
convolutions and linear layers; activations are the numbers in their outputs."""


@dataclass(frozen=True)
class Cost:
    """What one layer or several hold and compute."""

    parameters: int = 0  # number of weights
    multiply_adds: int = 0  # FLOPs are twice as many
    # The count of the official release (`get_model_summary`). It counts each weight of a transposed convolution once a
    # cell of the output, though each is used once a cell of the input.
    official: int = 0
    activations: int = 0  # numbers in the outputs of the counted layers (Radosavovic et al., CVPR 2020)

    def __add__(self, other: 'Cost') -> 'Cost':
        return Cost(*(one + two for one, two in zip(astuple(self), astuple(other), strict=True)))

    @property
    def official_gflops(self) -> float:
        """GFLOPs of the published tables."""
        return self.official / OFFICIAL_GIGA


def stats_table(cfg: Config, shape: list[int] | None = None, depth: int = 2) -> str:
    """Return a table of the costs of a config's model, a row for each part and one for the whole.

    Args:
        cfg: linked.
        shape: (w, h) of the input in px; None for the codec's.
        depth: how many words of its name make a part.

    Raises:
        UserError: no shape, or one that the model does not take.
    """
    size = shape or cfg.get('codec', {}).get('input_size')
    if size is None:
        raise UserError('the config has no codec.input_size: give the input with --shape W H')
    if min(size) < 1:
        raise UserError(f'--shape {size[0]} {size[1]}: not two positive numbers W H')
    width, height = size
    try:
        costs = layer_costs(init_model(cfg, device='cpu'), torch.zeros(1, 3, height, width))
    except RuntimeError as error:
        raise UserError(f'the model does not take an input of {width} x {height} px: {error}') from error
    rows = [_row(name, cost) for name, cost in by_part(costs, depth).items()]
    table = format_table(HEADER, [*rows, _row('whole', total_cost(costs.values()))])
    return f'one image of {width} x {height} px (w x h)\n{table}\n{LEGEND}'


def _row(name: str, cost: Cost) -> list[str | float]:
    sums = [cost.official_gflops, cost.multiply_adds / 1e9, 2 * cost.multiply_adds / 1e9, cost.activations / 1e6]
    return [name, cost.parameters / 1e6, *sums]


def layer_costs(model: nn.Module, inputs: Tensor) -> dict[str, Cost]:
    """Return the cost of each layer by name, in the order of the model, without layers that cost nothing.

    A layer that is called several times costs as often; a shared parameter counts for the first layer that has it.

    Args:
        model: called once with `inputs`, without gradients; in eval mode, or its batch statistics change.
        inputs: what the model takes, (B, C, H, W) for images; with B = 1 the costs are those of one image.
    """
    costs = {name: Cost(parameters=count) for name, count in _own_parameters(model)}

    def count_call(name: str) -> Any:
        def hook(layer: nn.Module, given: tuple[Tensor, ...], output: Tensor) -> None:
            costs[name] += _call_cost(layer, given[0], output)

        return hook

    counted = [(name, layer) for name, layer in model.named_modules() if isinstance(layer, COUNTED)]
    handles = [layer.register_forward_hook(count_call(name)) for name, layer in counted]
    try:
        with torch.inference_mode():
            model(inputs)
    finally:
        for handle in handles:
            handle.remove()
    return {name: cost for name, cost in costs.items() if cost != Cost()}


def total_cost(costs: Iterable[Cost]) -> Cost:
    """Return the sum of costs."""
    return sum(costs, Cost())


def by_part(costs: Mapping[str, Cost], depth: int = 2) -> dict[str, Cost]:
    """Return the costs of layers, summed over names that agree in the first `depth` words."""
    parts: dict[str, Cost] = {}
    for name, cost in costs.items():
        part = '.'.join(name.split('.')[:depth])
        parts[part] = parts.get(part, Cost()) + cost
    return parts


def _own_parameters(model: nn.Module) -> Iterator[tuple[str, int]]:
    seen: set[int] = set()
    for name, module in model.named_modules():
        own = [weight for weight in module.parameters(recurse=False) if id(weight) not in seen]
        seen.update(id(weight) for weight in own)
        yield name, sum(weight.numel() for weight in own)


def _call_cost(layer: Any, given: Tensor, output: Tensor) -> Cost:
    """Return what one call of a layer costs, without its parameters."""
    if isinstance(layer, nn.Linear):
        products = output.numel() * layer.in_features
        return Cost(multiply_adds=products, official=products, activations=output.numel())
    per_cell, output_cells = layer.weight.numel(), len(output) * prod(output.shape[2:])
    used_at = len(given) * prod(given.shape[2:]) if isinstance(layer, nn.ConvTranspose2d) else output_cells
    return Cost(multiply_adds=per_cell * used_at, official=per_cell * output_cells, activations=output.numel())
