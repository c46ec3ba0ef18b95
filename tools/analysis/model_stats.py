"""Parameters and GFLOPs of a config's model, as the published tables count them and plainly.

python tools/analysis/model_stats.py configs/hrnet_w32_coco_256x192.py
"""

import argparse
from typing import Any

from hrpose.cli.run import run
from hrpose.errors import UserError

HEADER = ('part', 'parameters, M', 'GFLOPs as published', 'multiply-adds, G', 'FLOPs, G', 'activations, M')
LEGEND = """
as published: multiply-adds over 1024^3, a transposed convolution's at each cell of its output (the official release's
counting, also in the paper's tables); plain: multiply-adds over 10^9, and two FLOPs for each of them. Counted are
convolutions and linear layers; activations are the numbers that these put out."""


def parse_arguments() -> argparse.Namespace:
    from hrpose.apis.launch import add_config_arguments

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_config_arguments(parser)
    parser.add_argument('--shape', nargs=2, type=int, metavar=('W', 'H'), help="input px; the codec's unless given")
    parser.add_argument('--depth', type=int, default=2, help='how many words of its name make a part; default 2')
    return parser.parse_args()


def input_shape(cfg: Any, shape: list[int] | None) -> tuple[int, int]:
    """Return (w, h) of the input in px: the one asked for, or the codec's."""
    size = shape or cfg.get('codec', {}).get('input_size')
    if size is None:
        raise UserError('the config has no codec.input_size: give the input with --shape W H')
    if min(size) < 1:
        raise UserError(f'--shape takes two positive numbers W H, not {size[0]} {size[1]}')
    return size[0], size[1]


def main() -> None:
    """Print the table as the command line says."""
    arguments = parse_arguments()
    import torch

    from hrpose.analysis.model_stats import Cost, by_part, layer_costs, total_cost
    from hrpose.apis import init_model
    from hrpose.config import load_config, parse_options
    from hrpose.evaluation import format_table

    def row(name: str, cost: Cost) -> list[str | float]:
        sums = [cost.official_gflops, cost.multiply_adds / 1e9, 2 * cost.multiply_adds / 1e9, cost.activations / 1e6]
        return [name, cost.parameters / 1e6, *sums]

    cfg = load_config(arguments.config, parse_options(arguments.cfg_options))
    width, height = input_shape(cfg, arguments.shape)
    try:
        costs = layer_costs(init_model(cfg), torch.zeros(1, 3, height, width))
    except RuntimeError as error:
        raise UserError(f'the model does not take an input of {width} x {height} px: {error}') from error
    rows = [row(name, cost) for name, cost in by_part(costs, arguments.depth).items()]
    rows.append(row('whole', total_cost(costs.values())))
    print(f'{arguments.config}, one image of {width} x {height} px (w x h)')
    print(format_table(HEADER, rows))
    print(LEGEND)


if __name__ == '__main__':
    run(main)
