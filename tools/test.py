"""Evaluate a checkpoint: python tools/test.py configs/hrnet_w32_coco_256x192.py CHECKPOINT"""

from hrpose.cli.run import run
from hrpose.cli.test import main

if __name__ == '__main__':
    run(main)
