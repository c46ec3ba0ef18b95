"""Score the truth itself after the codec's round trip: the best that the heatmap size allows.

python tools/analysis/ap_ceiling.py configs/hrnet_w32_coco_256x192.py
"""

import argparse

from hrpose.cli.run import run


def main() -> None:
    """Print the figures as the command line says."""
    from hrpose.apis.launch import add_config_arguments
    from hrpose.config import load_config, parse_options

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_config_arguments(parser)
    arguments = parser.parse_args()
    from hrpose.analysis.ap_ceiling import heatmap_ceiling
    from hrpose.registry import CODECS, DATASETS, METRICS

    cfg = load_config(arguments.config, parse_options(arguments.cfg_options))
    dataset = DATASETS.build(cfg.test_dataloader.dataset)
    figures = heatmap_ceiling(dataset, CODECS.build(cfg.codec), [METRICS.build(part) for part in cfg.test_evaluator])
    for name, value in figures.items():
        print(f'ceiling {name} {value:.3f}')


if __name__ == '__main__':
    run(main)
