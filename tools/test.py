"""Evaluate a checkpoint: python tools/test.py configs/hrnet_w32_coco_256x192.py CHECKPOINT"""

from hrpose import errors
from hrpose.cli.test import main

if __name__ == '__main__':
    errors.run(main)
