"""How large a model is and what one image costs: parameters, multiply-adds and activations, layer by layer.

Only convolutions, transposed convolutions and linear layers are counted, as in the published tables: no
normalisation, no interpolation, no product inside attention.
"""

from collections.abc import Iterable, Mapping
from dataclasses import astuple, dataclass
from math import prod
from typing import Any

import torch
from torch import Tensor, nn

COUNTED = (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)

# The official release divides its counts by 1024^3 and calls the result GFLOPs.
OFFICIAL_GIGA = 1024**3


@dataclass(frozen=True)
class Cost:
    """What a layer, or several, hold and compute.

    Attributes:
        parameters: trained numbers.
        multiply_adds: products that are summed up; FLOPs are twice as many.
        official: the same as the official release counts it (`get_model_summary`), which differs for transposed
            convolutions: weights times cells of the output, where each weight is used once a cell of the input.
        activations: numbers in the outputs of the counted layers (Radosavovic et al., CVPR 2020).
    """

    parameters: int = 0
    multiply_adds: int = 0
    official: int = 0
    activations: int = 0

    def __add__(self, other: 'Cost') -> 'Cost':
        return Cost(*(one + two for one, two in zip(astuple(self), astuple(other), strict=True)))

    @property
    def official_gflops(self) -> float:
        """GFLOPs of the published tables."""
        return self.official / OFFICIAL_GIGA


def layer_costs(model: nn.Module, inputs: Tensor) -> dict[str, Cost]:
    """Return the cost of each layer by its name, in the order of the model; those that cost nothing are left out.

    A layer that is called several times costs as often; a parameter that several layers share is the first one's.

    Args:
        model: called once with `inputs`, without gradients; in eval mode, or its batch statistics move.
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
    """Return the costs of layers summed over those whose names agree in the first `depth` words."""
    parts: dict[str, Cost] = {}
    for name, cost in costs.items():
        part = '.'.join(name.split('.')[:depth])
        parts[part] = parts.get(part, Cost()) + cost
    return parts


def _own_parameters(model: nn.Module) -> Iterable[tuple[str, int]]:
    seen: set[int] = set()
    for name, module in model.named_modules():
        own = [weight for weight in module.parameters(recurse=False) if id(weight) not in seen]
        seen.update(id(weight) for weight in own)
        yield name, sum(weight.numel() for weight in own)


def _call_cost(layer: Any, given: Tensor, output: Tensor) -> Cost:
    """Return what one call of a layer costs, its parameters apart."""
    if isinstance(layer, nn.Linear):
        products = output.numel() * layer.in_features
        return Cost(multiply_adds=products, official=products, activations=output.numel())
    per_cell, output_cells = layer.weight.numel(), len(output) * prod(output.shape[2:])
    used_at = len(given) * prod(given.shape[2:]) if isinstance(layer, nn.ConvTranspose2d) else output_cells
    return Cost(
        multiply_adds=per_cell * used_at,
        official=per_cell * output_cells,
        activations=output.numel(),
    )
