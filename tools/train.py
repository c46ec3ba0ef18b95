"""Train a model from a config: python tools/train.py configs/hrnet_w32_coco_256x192.py"""

from hrpose import errors
from hrpose.cli.train import main

if __name__ == '__main__':
    errors.run(main)
