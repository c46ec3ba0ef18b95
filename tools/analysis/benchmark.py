"""Time each stage on this machine: python tools/analysis/benchmark.py configs/hrnet_w32_coco_256x192.py"""

from hrpose.cli.benchmark import main
from hrpose.cli.run import run

if __name__ == '__main__':
    run(main)
