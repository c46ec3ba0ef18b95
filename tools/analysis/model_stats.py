"""Parameters and GFLOPs of a config's model, by the count of the published tables and plainly.

python tools/analysis/model_stats.py configs/hrnet_w32_coco_256x192.py
"""

from hrpose.cli.run import run


def main() -> None:
    """Print the table."""
    from hrpose.cli.arguments import config_of, config_parser

    parser = config_parser(__doc__)
    parser.add_argument('--shape', nargs=2, type=int, metavar=('W', 'H'), help="input px; default: the codec's")
    parser.add_argument('--depth', type=int, default=2, help='how many words of its name make a part (default 2)')
    arguments = parser.parse_args()
    from hrpose.analysis.model_stats import stats_table

    cfg = config_of(arguments)
    print(f'{arguments.config}, {stats_table(cfg, arguments.shape, arguments.depth)}')


if __name__ == '__main__':
    run(main)
