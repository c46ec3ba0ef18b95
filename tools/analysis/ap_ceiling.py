"""Score the ground truth itself after encoding and decoding: the best metrics that the heatmap size allows.

python tools/analysis/ap_ceiling.py configs/hrnet_w32_coco_256x192.py
"""

import argparse

from hrpose.cli.run import run


def main() -> None:
    """Print the ceiling of each metric."""
    from hrpose.cli.arguments import add_config_arguments
    from hrpose.config import load_config, parse_options

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_config_arguments(parser)
    arguments = parser.parse_args()
    from hrpose.analysis.ap_ceiling import ceiling_of_config

    for name, value in ceiling_of_config(load_config(arguments.config, parse_options(arguments.cfg_options))).items():
        print(f'ceiling {name} {value:.3f}')


if __name__ == '__main__':
    run(main)
