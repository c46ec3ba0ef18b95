"""Score the ground truth itself after encoding and decoding: the best metrics that the heatmap size allows.

python tools/analysis/ap_ceiling.py configs/hrnet_w32_coco_256x192.py
"""

from hrpose.cli.run import run


def main() -> None:
    """Print the ceiling of each metric."""
    from hrpose.cli.arguments import config_of, config_parser

    parser = config_parser(__doc__)
    arguments = parser.parse_args()
    from hrpose.analysis.ap_ceiling import ceiling_of_config

    for name, value in ceiling_of_config(config_of(arguments)).items():
        print(f'ceiling {name} {value:.3f}')


if __name__ == '__main__':
    run(main)
