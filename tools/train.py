"""Train a model from a config: python tools/train.py configs/hrnet_w32_coco_256x192.py"""

from hrpose.cli.run import run
from hrpose.cli.train import main

if __name__ == '__main__':
    run(main)
